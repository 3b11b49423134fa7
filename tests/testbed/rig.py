"""A machine for one server: packages unpacked over a throw-away copy of this machine's files, in namespaces of its own.

Two halves. Outside, `fetch` downloads the server's packages with the ordinary apt client (nothing is installed). Inside
(`unshare`: mount, network with loopback only, pid, host name, ipc), `Rig` lays a RAM overlay over `/`, unpacks the packages
there and runs the server by chroot. When the last process ends, all of it is gone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from . import scenario

BASE = Path("/mnt")
ROOT = BASE / "root"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", "LANG": "C", "HOME": "/root"}
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child")


def fetch(packages: Iterable[str], folder: Path) -> str | None:
    """Download packages, and what they need that this machine lacks. Returns what went wrong, or None."""
    (folder / "partial").mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::Cache::archives": str(folder),
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",
    }
    command = ["apt-get", "install", "--download-only", "--reinstall", "--no-install-recommends", "--yes", "-qq"]
    command += [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    done = subprocess.run([*command, *packages], check=False, capture_output=True, text=True)
    if done.returncode == 0 and any(folder.glob("*.deb")):
        return None
    return "no packages (apt-get update?): " + " ".join(done.stderr.split())


def obstacle() -> str | None:
    """Why the testbed cannot run here, or None."""
    for tool in ("unshare", "mount", "ip", "apt-get", "dpkg-deb", "tar", "chroot", "openssl"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if os.geteuid() != 0:
        return "only root may make these namespaces"
    tried = subprocess.run(
        ["unshare", *NAMESPACES, "sh", "-ec", f"ip link set lo up; {_OVERLAY}"],
        capture_output=True,
        text=True,
        check=False,
    )
    return (
        None if tried.returncode == 0 else "no namespaces or overlays here: " + tried.stderr.strip().replace("\n", "; ")
    )


_OVERLAY = (
    f"mount --make-rprivate /; mount -t tmpfs -o mode=755 tmpfs {BASE}; mkdir {BASE}/upper {BASE}/work {ROOT}; "
    f"mount -t overlay overlay -o lowerdir=/,upperdir={BASE}/upper,workdir={BASE}/work {ROOT}"
)


class Rig:
    """The inside: a root of files, the log, and ways to run things there."""

    def __init__(self, debs: Path) -> None:
        archives = {path.name: path.read_bytes() for path in sorted(debs.glob("*.deb"))}
        socket.sethostname(scenario.HOST)
        _sh(f"ip link set lo up; {_OVERLAY}")
        for folder in ("/tmp", "/run", "/var/log", "/var/spool", "/var/mail", "/home", "/dev"):  # of its own, and empty
            (ROOT / folder[1:]).mkdir(parents=True, exist_ok=True)
            _sh(f"mount -t tmpfs -o mode={1777 if folder in ('/tmp', '/var/mail') else 755} tmpfs {ROOT}{folder}")
        _sh(f"mount -t proc proc {ROOT}/proc")
        for device in ("null", "zero", "full", "random", "urandom", "tty"):
            (ROOT / "dev" / device).touch()
            _sh(f"mount --bind /dev/{device} {ROOT}/dev/{device}")
        self.packages: dict[str, str] = {}
        for name, octets in archives.items():
            package, version = name.split("_")[:2]
            self.packages[package] = version.replace("%3a", ":")
            with subprocess.Popen(
                ["dpkg-deb", "--fsys-tarfile", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as tarfile:
                feeder = threading.Thread(target=_feed, args=(tarfile.stdin, octets))
                feeder.start()
                subprocess.run(
                    ["tar", "-x", "--keep-directory-symlink", "-C", str(ROOT)], stdin=tarfile.stdout, check=True
                )
                feeder.join()
        names = {**scenario.HOSTS, "127.0.0.1": f"localhost {scenario.HOST} {scenario.HOST.partition('.')[0]}"}
        self.write("/etc/hosts", "".join(f"{address}\t{name}\n" for address, name in names.items()))
        self.write("/etc/hostname", scenario.HOST + "\n")
        self.write("/etc/mailname", "example.com\n")
        self.write("/etc/resolv.conf", "lookup file\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.write(
            "/etc/nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\naliases: files\n",
        )
        (ROOT / "etc/localtime").unlink(missing_ok=True)
        self.write("/etc/timezone", "Etc/UTC\n")
        for number, user in enumerate((*scenario.USERS, scenario.POSTMASTER), 3001):
            self.user(user, number, f"/home/{user}", "/bin/sh")
            self.run("install", "-d", "-o", user, "-g", user, f"/home/{user}")
            self.run("install", "-o", user, "-g", "mail", "-m", "660", "/dev/null", f"/var/mail/{user}")
        self.lines: list[str] = []
        self.daemons: list[subprocess.Popen[bytes]] = []

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file inside."""
        target = ROOT / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        target.write_text(text, encoding="utf-8")
        target.chmod(mode)

    def path(self, path: str) -> Path:
        """Where a file inside is seen from here."""
        return ROOT / path.lstrip("/")

    def user(self, name: str, number: int, home: str = "/nonexistent", shell: str = "/usr/sbin/nologin") -> None:
        """An account and its group; one that the machine has under this name stays as it is."""
        self.group(name, number)
        passwd = self.path("/etc/passwd")
        if not re.search(rf"^{name}:", passwd.read_text(), re.M):
            with passwd.open("a") as file:
                file.write(f"{name}:x:{number}:{number}::{home}:{shell}\n")

    def group(self, name: str, number: int, members: str = "") -> None:
        """A group, with members."""
        group = self.path("/etc/group")
        text = group.read_text()
        if not re.search(rf"^{name}:", text, re.M):
            group.write_text(text + f"{name}:x:{number}:{members}\n")
        elif members:
            group.write_text(
                re.sub(
                    rf"^({name}:.*:)(.*)$", lambda m: m[1] + ",".join(filter(None, (m[2], members))), text, flags=re.M
                )
            )

    def run(self, *command: str, check: bool = True, stdin: bytes = b"", user: str = "root") -> str:
        """Run a command inside and wait for it."""
        done = subprocess.run(
            ["chroot", f"--userspec={user}", str(ROOT), *command],
            env=ENVIRONMENT,
            input=stdin,
            capture_output=True,
            check=False,
            cwd="/",
        )
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{output}")
        return output

    def spawn(self, *command: str) -> None:
        """Start a daemon that stays in the foreground."""
        self.daemons.append(
            subprocess.Popen(["chroot", str(ROOT), *command], env=ENVIRONMENT, stdin=subprocess.DEVNULL, cwd="/")
        )

    def stop(self) -> None:
        """Ask what was spawned to end, the first one first."""
        for daemon in self.daemons:
            daemon.terminate()
            daemon.wait(30)

    def certificate(self, folder: str) -> None:
        """A self-signed certificate and its key: `cert.pem`, `key.pem`."""
        self.path(folder).mkdir(parents=True, exist_ok=True)
        _sh(
            f"cd {self.path(folder)}; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
            f"-keyout key.pem -out cert.pem -subj /CN={scenario.HOST} -days 30 2>&1"
        )
        self.path(f"{folder}/key.pem").chmod(0o600)

    def account(self, group: str) -> None:
        """The one account that may log in, for servers with Cyrus SASL."""
        self.run("saslpasswd2", "-p", "-c", "-u", scenario.HOST, scenario.ACCOUNT, stdin=scenario.PASSWORD.encode())
        self.run("chown", f"root:{group}", "/etc/sasldb2")
        self.run("chmod", "640", "/etc/sasldb2")

    def aliases(self) -> None:
        """The aliases file."""
        self.write("/etc/aliases", "".join(f"{name}: {to}\n" for name, to in scenario.ALIASES.items()))

    def syslog(self) -> None:
        """Listen on /dev/log, as a syslog daemon does; mail lines are kept as it would write them."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        listener.bind(str(ROOT / "dev/log"))
        (ROOT / "dev/log").chmod(0o666)
        short = scenario.HOST.split(".")[0]

        def listen() -> None:
            while True:
                octets = listener.recv(65536).rstrip(b"\0\n").decode("utf-8", "backslashreplace")
                match = re.match(r"<(\d+)>(\w{3} [ \d]\d \d\d:\d\d:\d\d) (.*)", octets, re.S)
                if match and int(match[1]) >> 3 == 2:  # facility mail
                    self.lines += [f"{match[2]} {short} {line}" for line in match[3].split("\n")]

        threading.Thread(target=listen, daemon=True).start()


def _feed(pipe: object, octets: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), pipe as open_pipe:  # type: ignore[attr-defined]
        open_pipe.write(octets)


def _sh(script: str) -> None:
    subprocess.run(["sh", "-ec", script], check=True, stdout=subprocess.DEVNULL)
