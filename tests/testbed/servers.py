"""The four servers: which packages, how each is set up for the scenario, and how to tell that its queue is empty."""

from __future__ import annotations

import contextlib
import re
import threading
import time

from .rig import Rig
from .scenario import (
    ACCOUNT,
    ALIASES,
    BLOCKED_CLIENT,
    BLOCKED_DOMAIN,
    DISCARDED,
    HOST,
    LATER,
    PASSWORD,
    SERVER_TIMEOUT,
    SIZE_LIMIT,
)


class Server:
    """What the run asks of each."""

    name: str
    packages: tuple[str, ...]
    log: str | None = None  # a file inside; None: through syslog
    notes: tuple[str, ...] = ()

    def configure(self, rig: Rig) -> None:
        """Write the configuration."""
        raise NotImplementedError

    def start(self, rig: Rig) -> None:
        """Start the daemons."""
        raise NotImplementedError

    def stop(self, rig: Rig) -> None:
        """Stop them as an administrator would."""
        raise NotImplementedError

    def queued(self, rig: Rig) -> int:
        """How many messages the queue holds."""
        raise NotImplementedError


def _files(rig: Rig, folder: str, pattern: str) -> int:
    count = 0
    for path in rig.path(folder).rglob("*"):
        with contextlib.suppress(OSError):  # it may be gone by now
            count += path.is_file() and bool(re.fullmatch(pattern, path.name))
    return count


class Postfix(Server):
    """Long-standing defaults; its own log file through postlogd; notices to the postmaster for bounces and double bounces."""

    name = "postfix"
    packages = ("postfix", "libsasl2-modules", "sasl2-bin")
    notes = (
        "smtpd slows down after 10 errors and puts a client out after 20: the harvester comes back five times",
        "a command met by the 421 `too many errors` was not read: the server's counts lack it (commands_met_by_421)",
        "the postmaster gets a copy of each NDR, each report that could not be delivered, and transcripts of sessions that went "
        "wrong (notify_classes)",
        "after `GET / …` smtpd says 221 and reads no more: the client's QUIT is not in the server's counts",
    )
    log = "/var/log/mail.log"
    main = f"""\
compatibility_level = 3.6
myhostname = {HOST}
mydomain = example.com
myorigin = example.com
mydestination = example.com, {HOST}, localhost
mynetworks = 127.0.0.1/32 127.0.1.0/24
inet_interfaces = 127.0.0.1, ::1
relay_domains = example.net
transport_maps = texthash:/etc/postfix/transport
alias_maps = hash:/etc/aliases
alias_database = hash:/etc/aliases
mail_spool_directory = /var/mail
mailbox_size_limit = 0
message_size_limit = {SIZE_LIMIT}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_timeout = {SERVER_TIMEOUT}s
disable_vrfy_command = no
queue_run_delay = 4s
minimal_backoff_time = 5s
maximal_backoff_time = 10s
maximal_queue_lifetime = 70s
bounce_queue_lifetime = 60s
delay_warning_time = 25s
notify_classes = bounce, 2bounce, resource, software
maillog_file = /var/log/mail.log
smtpd_sasl_auth_enable = yes
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_cert_file = /etc/postfix/tls/cert.pem
smtpd_tls_key_file = /etc/postfix/tls/key.pem
smtpd_client_restrictions = check_client_access inline:{{{BLOCKED_CLIENT}=REJECT}}
smtpd_helo_restrictions = permit_mynetworks, reject_invalid_helo_hostname, warn_if_reject reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = check_sender_access inline:{{{BLOCKED_DOMAIN}=REJECT}}
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:/etc/postfix/recipients
"""

    def configure(self, rig: Rig) -> None:
        rig.user("postfix", 701, "/var/spool/postfix")
        rig.group("postdrop", 702)
        rig.group("sasl", 45, "postfix")
        source = next(
            p
            for p in (rig.path("/usr/share/postfix/master.cf.dist"), rig.path("/etc/postfix/master.cf.proto"))
            if p.exists()
        )
        master = re.sub(
            r"^(\w\S*\s+(?:inet|unix|fifo|unix-dgram|pass)\s+\S+\s+\S+\s+)y(\s)",
            r"\1n\2",
            source.read_text(),
            flags=re.M,
        )
        rig.write("/etc/postfix/master.cf", master)
        rig.write("/etc/postfix/main.cf", self.main)
        rig.write(
            "/etc/postfix/transport",
            "example.net relay:[mail.example.net]\nexample.org smtp:[relay.example.org]\ndown.test smtp:[mail.down.test]\n",
        )
        rig.write(
            "/etc/postfix/recipients",
            f"{LATER} 450 4.2.0 Greylisted, come back later\n{DISCARDED} DISCARD thrown away\n",
        )
        rig.write(
            "/etc/postfix/sasl/smtpd.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
        )
        rig.certificate("/etc/postfix/tls")
        rig.account("postfix")
        rig.aliases()
        for path in ("/etc/postfix", "/var/lib/postfix", "/var/spool/postfix"):
            rig.path(path).mkdir(parents=True, exist_ok=True)
        rig.run("chown", "postfix:postfix", "/var/lib/postfix")
        rig.run("postfix", "set-permissions", check=False)  # sees to what it finds; the manual pages may be missing
        for tool in ("postdrop", "postqueue"):
            rig.run("chgrp", "postdrop", f"/usr/sbin/{tool}")
            rig.run("chmod", "2755", f"/usr/sbin/{tool}")
        rig.run("newaliases")

    def start(self, rig: Rig) -> None:
        rig.run("postfix", "start")

    def stop(self, rig: Rig) -> None:
        rig.run("postfix", "stop")

    def queued(self, rig: Rig) -> int:
        return sum(
            _files(rig, f"/var/spool/postfix/{q}", "[0-9A-Za-z]+")
            for q in ("maildrop", "incoming", "active", "deferred")
        )


class Exim(Server):
    """A log selector for an administrator who wants to know; frozen bounces told to the postmaster, then given up."""

    name = "exim"
    packages = ("exim4-daemon-heavy",)
    notes = (
        "a client is put out after 30 commands outside a transaction (smtp_accept_max_nonmail): the longest RSET loops end there",
        "a report that cannot be delivered is frozen, tried once more after 20 s (a second ** line), then dropped",
        "the postmaster is told of frozen messages only when they came from outside (a null sender)",
        "after a failure of the host Exim waits for its retry time: many == lines tried no connection, and the sink saw nothing of them",
    )
    log = "/var/log/exim4/mainlog"
    main = f"""\
primary_hostname = {HOST}
qualify_domain = example.com
domainlist local_domains = example.com : {HOST} : localhost
domainlist relay_to_domains = example.net
hostlist relay_from_hosts = <; 127.0.0.1 ; 127.0.1.0/24
local_interfaces = <; 127.0.0.1 ; ::1
daemon_smtp_ports = 25
exim_user = Debian-exim
exim_group = Debian-exim
never_users = root
untrusted_set_sender = *
keep_environment =
host_lookup = *
host_lookup_order = byaddr
rfc1413_query_timeout = 0s
log_selector = +8bitmime +deliver_time +delivery_size +incoming_port +lost_incoming_connection +millisec +outgoing_port +pid \\
  +queue_time +queue_time_overall +receive_time +received_recipients +received_sender +retry_defer +sender_on_delivery \\
  +size_reject +skip_delivery +smtp_confirmation +smtp_connection +smtp_no_mail +smtp_protocol_error +smtp_syntax_error \\
  +tls_cipher -arguments
message_size_limit = {SIZE_LIMIT}
smtp_accept_max_nonmail = 30
smtp_receive_timeout = {SERVER_TIMEOUT}s
delay_warning = 25s
freeze_tell = postmaster@example.com
ignore_bounce_errors_after = 20s
timeout_frozen_after = 40s
tls_advertise_hosts = *
tls_certificate = /etc/exim4/cert.pem
tls_privatekey = /etc/exim4/key.pem
acl_smtp_connect = check_connect
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
acl_smtp_vrfy = check_vrfy
dsn_advertise_hosts = *

begin acl

check_connect:
  deny hosts = {BLOCKED_CLIENT}
       message = You are on our list
       log_message = on our list
  accept

check_mail:
  deny sender_domains = {BLOCKED_DOMAIN}
       message = We want nothing from $sender_address_domain
  accept

check_rcpt:
  accept hosts = :
  defer  recipients = {LATER}
         message = Greylisted, come back later
  accept hosts = +relay_from_hosts
  accept authenticated = *
  require message = relay not permitted
          domains = +local_domains : +relay_to_domains
  require verify = recipient
  accept

check_vrfy:
  accept hosts = +relay_from_hosts
  deny message = Not for you

begin routers

to_net:
  driver = manualroute
  domains = example.net : example.org : down.test
  transport = remote_smtp
  route_list = example.net mail.example.net byname ; example.org relay.example.org byname ; down.test mail.down.test byname
  self = send
  no_more

discarded:
  driver = redirect
  domains = +local_domains
  local_parts = {DISCARDED.partition("@")[0]}
  data = :blackhole:

system_aliases:
  driver = redirect
  domains = +local_domains
  data = ${{lookup{{$local_part}}lsearch{{/etc/aliases}}}}

localuser:
  driver = accept
  domains = +local_domains
  check_local_user
  transport = local_delivery
  cannot_route_message = Unknown user

begin transports

remote_smtp:
  driver = smtp
  hosts_try_dane =

local_delivery:
  driver = appendfile
  file = /var/mail/$local_part_data
  delivery_date_add
  envelope_to_add
  return_path_add
  group = mail
  mode = 0660

begin retry

* * F,70s,5s

begin authenticators

plain_server:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{{ACCOUNT}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
  server_prompts = :

login_server:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{ACCOUNT}}}}}{{eq{{$auth2}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth1
"""

    def configure(self, rig: Rig) -> None:
        rig.user("Debian-exim", 703, "/var/spool/exim4")
        rig.group("mail", 8, "Debian-exim")
        rig.write("/etc/exim4/exim4.conf", self.main)
        rig.certificate("/etc/exim4")
        rig.aliases()
        rig.run("chown", "Debian-exim:Debian-exim", "/etc/exim4/key.pem")
        for folder in (
            "/var/log/exim4",
            "/var/spool/exim4",
            "/var/spool/exim4/db",
            "/var/spool/exim4/input",
            "/run/exim4",
        ):
            rig.run("install", "-d", "-o", "Debian-exim", "-g", "Debian-exim", "-m", "750", folder)

    def start(self, rig: Rig) -> None:
        rig.spawn("/usr/sbin/exim4", "-bdf", "-q4s")  # a child of process 1 stays in the foreground anyway

    def stop(self, rig: Rig) -> None:
        rig.stop()

    def queued(self, rig: Rig) -> int:
        return _files(rig, "/var/spool/exim4/input", ".*-H")


class Sendmail(Server):
    """Log level 14 through syslog; copies of errors to the postmaster."""

    name = "sendmail"
    packages = ("sendmail-bin", "sendmail-cf", "m4", "libsasl2-modules", "sasl2-bin")
    notes = (
        "mail given to the sendmail command goes by SMTP from 127.0.0.1 to the daemon: sessions of the log that no client here had",
        "the postmaster gets a copy of each report (CopyErrorsTo) and the reports that could not be delivered",
    )
    main = f"""\
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`LOCAL_MAILER_PATH', `/usr/libexec/sendmail/mail.local')dnl
define(`LOCAL_MAILER_ARGS', `mail.local -f $g -d $u')dnl
define(`confDOMAIN_NAME', `{HOST}')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confPRIVACY_FLAGS', `needmailhelo,authwarnings')dnl
define(`confCOPY_ERRORS_TO', `postmaster')dnl
define(`confMAX_MESSAGE_SIZE', `{SIZE_LIMIT}')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_COMMAND', `{SERVER_TIMEOUT}s')dnl
define(`confTO_DATABLOCK', `{SERVER_TIMEOUT}s')dnl
define(`confTO_QUEUERETURN', `70s')dnl
define(`confTO_QUEUEWARN', `25s')dnl
define(`confMIN_QUEUE_AGE', `4s')dnl
define(`confQUEUE_LA', `100')dnl
define(`confREFUSE_LA', `100')dnl
define(`confPID_FILE', `/run/sendmail/mta.pid')dnl
define(`confAUTH_MECHANISMS', `LOGIN PLAIN')dnl
TRUST_AUTH_MECH(`LOGIN PLAIN')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableSASLDBFile')dnl
define(`confSERVER_CERT', `/etc/mail/tls/cert.pem')dnl
define(`confSERVER_KEY', `/etc/mail/tls/key.pem')dnl
define(`confCACERT', `/etc/mail/tls/cert.pem')dnl
define(`confCACERT_PATH', `/etc/mail/tls')dnl
FEATURE(`nocanonify')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=smtp, Addr=127.0.0.1')dnl
DAEMON_OPTIONS(`Family=inet6, Name=MTA-v6, Port=smtp, Addr=::1')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`access_db', `hash -T<TMPF> -o /etc/mail/access')dnl
FEATURE(`blocklist_recipients')dnl
FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
    submit = f"""\
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`confDOMAIN_NAME', `{HOST}')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')dnl
define(`confLOG_LEVEL', `14')dnl
define(`confTO_IDENT', `0')dnl
FEATURE(`nocanonify')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"""
    access = f"""\
Connect:{BLOCKED_CLIENT}\tERROR:5.7.1:550 You are on our list
Connect:127.0.0.1\tRELAY
Connect:127.0.1\tRELAY
From:{BLOCKED_DOMAIN}\tREJECT
To:{LATER}\tERROR:4.2.0:450 Greylisted, come back later
To:{DISCARDED}\tDISCARD
To:example.net\tRELAY
"""

    def configure(self, rig: Rig) -> None:
        rig.user("smmta", 704, "/var/lib/sendmail")
        rig.user("smmsp", 705, "/var/lib/sendmail")
        for link in ("sbin/sendmail", "bin/newaliases", "bin/mailq"):
            rig.run("ln", "-sf", "/usr/libexec/sendmail/sendmail", f"/usr/{link}")
        rig.run("chgrp", "smmsp", "/usr/libexec/sendmail/sendmail")
        rig.run("chmod", "2755", "/usr/libexec/sendmail/sendmail")
        for name, text in {"sendmail.mc": self.main, "submit.mc": self.submit}.items():
            rig.write(f"/etc/mail/{name}", text)
            rig.write(f"/etc/mail/{name[:-2]}cf", rig.run("m4", f"/etc/mail/{name}"))
        rig.write("/etc/mail/local-host-names", "example.com\n")
        rig.write("/etc/mail/trusted-users", "")
        rig.write("/etc/mail/access", self.access)
        rig.write(
            "/etc/mail/mailertable",
            "example.net\tesmtp:[mail.example.net]\nexample.org\tesmtp:[relay.example.org]\ndown.test\tesmtp:[mail.down.test]\n",
        )
        for table in ("access", "mailertable"):
            rig.run("makemap", "hash", f"/etc/mail/{table}", stdin=rig.path(f"/etc/mail/{table}").read_bytes())
        for folder in ("/usr/lib/sasl2", "/etc/sasl2"):
            rig.write(
                f"{folder}/Sendmail.conf", "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
            )
        rig.certificate("/etc/mail/tls")
        rig.account("smmsp")
        rig.write("/etc/mail/aliases", "".join(f"{name}: {to}\n" for name, to in ALIASES.items()))
        rig.run("install", "-d", "/var/lib/sendmail", "/run/sendmail")
        rig.write("/var/lib/sendmail/sendmail.st", "")
        rig.run("install", "-d", "-o", "smmsp", "-g", "smmsp", "-m", "770", "/var/spool/clientmqueue")
        rig.run("install", "-d", "-m", "700", "/var/spool/mqueue")
        rig.run("newaliases")

    def start(self, rig: Rig) -> None:
        rig.spawn("/usr/libexec/sendmail/sendmail", "-Am", "-L", "sm-mta", "-bD", "-q4s")

    def stop(self, rig: Rig) -> None:
        rig.stop()

    def queued(self, rig: Rig) -> int:
        return _files(rig, "/var/spool/mqueue", "qf.*") + _files(rig, "/var/spool/clientmqueue", "qf.*")


class OpenSmtpd(Server):
    """Syslog. Its retry intervals (400 s and more) cannot be set, so the queue is scheduled by hand every few seconds."""

    name = "opensmtpd"
    packages = ("opensmtpd",)
    notes = (
        "`smtpctl schedule all` runs every 5 s: the server's own retry intervals are 400 s and more",
        "no 4xx for a recipient and no silent discard: later@ and void@example.com are unknown here",
        "no notices to the postmaster; the session timeout is fixed at 5 minutes, so the silent clients give up first",
        "Debian 12's package offers STARTTLS but cannot do the handshake (its private-key engine and OpenSSL 3): the clients that "
        "start TLS end there; AUTH would only be offered after it, so no client gets to log in",
        "the report on a message that expired says `delayed`, so ndrs lacks these",
        "bounce warn-interval is 25 s, yet the server warns of a delay at the first try that fails",
    )
    main = f"""\
pki {HOST} cert "/etc/opensmtpd/cert.pem"
pki {HOST} key "/etc/opensmtpd/key.pem"
smtp max-message-size {SIZE_LIMIT}
queue ttl 70s
bounce warn-interval 25s
table aliases file:/etc/aliases
table accounts file:/etc/opensmtpd/accounts
table inside {{ 127.0.0.1, 127.0.1.0/24 }}
table blocked_hosts {{ {BLOCKED_CLIENT} }}
table blocked_senders {{ "@{BLOCKED_DOMAIN}" }}
table here {{ "example.com", "{HOST}", "localhost" }}
listen on socket
listen on 127.0.0.1 port 25 tls pki {HOST} hostname {HOST} auth-optional <accounts>
listen on ::1 port 25 tls pki {HOST} hostname {HOST} auth-optional <accounts>
action "mailbox" mbox alias <aliases>
action "net" relay host smtp://mail.example.net
action "org" relay host smtp://relay.example.org
action "down" relay host smtp://mail.down.test
match from src <blocked_hosts> for any reject
match from any mail-from <blocked_senders> for any reject
match from local for domain <here> action "mailbox"
match from any for domain <here> action "mailbox"
match from any for domain "example.net" action "net"
match from local for domain "example.org" action "org"
match from src <inside> for domain "example.org" action "org"
match from any auth for domain "example.org" action "org"
match from src <inside> for domain "down.test" action "down"
"""

    def configure(self, rig: Rig) -> None:
        rig.user("opensmtpd", 706, "/var/lib/opensmtpd/empty")
        rig.user("opensmtpq", 707, "/var/lib/opensmtpd/empty")
        rig.run("install", "-d", "-m", "755", "/var/lib/opensmtpd/empty")
        rig.run("install", "-d", "-m", "711", "/var/spool/smtpd")
        rig.run("chgrp", "opensmtpq", "/usr/sbin/smtpctl")
        rig.run("chmod", "2755", "/usr/sbin/smtpctl")
        rig.certificate("/etc/opensmtpd")
        rig.write("/etc/opensmtpd/accounts", f"{ACCOUNT} {rig.run('smtpctl', 'encrypt', PASSWORD).strip()}\n")
        rig.aliases()
        rig.write("/etc/smtpd.conf", self.main)
        rig.write("/etc/mailname", f"{HOST}\n")
        rig.run("ln", "-sf", "smtpctl", "/usr/sbin/sendmail")

    def start(self, rig: Rig) -> None:
        rig.spawn("/usr/sbin/smtpd", "-F")
        self.running = True

        def schedule() -> None:
            while self.running:
                time.sleep(5)
                rig.run("smtpctl", "schedule", "all", check=False)

        threading.Thread(target=schedule, daemon=True).start()

    def stop(self, rig: Rig) -> None:
        self.running = False
        rig.stop()

    def queued(self, rig: Rig) -> int:
        return len(rig.run("smtpctl", "show", "queue").splitlines())


SERVERS: dict[str, Server] = {s.name: s for s in (Postfix(), Exim(), Sendmail(), OpenSmtpd())}
