"""What every means of scanning has to deliver: the same columns of each format, as one expression or as a table.

The expressions use only what Python, RE2 (DuckDB, PyArrow) and Rust (Polars) have in common. Named groups become
columns; ``TYPES`` says which are numbers, ``Layout.time`` how the stamp is read.
"""

# ruff: noqa: E501 — expressions read best unbroken

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TYPES = {
    "pid": int, "size": int, "nrcpt": int, "code": int, "status_code": int, "sc-status": int, "sc-bytes": int,
    "cs-bytes": int, "time-taken": int, "sequence-number": int, "id.orig_p": int, "id.resp_p": int, "trans_depth": int,
    "pri": int, "delay": float,
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A format's lines: an expression for each, or a separated table (then ``separator`` is set)."""

    expression: str = ""
    time: str = ""
    year: str = ""  # put before a stamp without one
    separator: str = ""
    comment: str = "#"
    quote: str = ""
    encoding: str = "utf-8"
    names: tuple[str, ...] = ()  # of a table: its columns, when the file does not name them in a line ``#fields``


SYSLOG = r"^(?P<time>\w{3} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) "
POSTFIX = (
    r"(?:postfix/)?(?P<program>[^\[: ]+)(?:\[(?P<pid>\d+)\])?: (?:(?P<queue_id>[0-9A-F]{6,}|[0-9B-Zb-z]{12,}|NOQUEUE): )?"
    r"(?:to=<(?P<to>[^>]*)>, (?:orig_to=<(?P<orig_to>[^>]*)>, )?relay=(?P<relay>[^,]+), (?:conn_use=\d+, )?"
    r"delay=(?P<delay>[\d.]+), delays=(?P<delays>[\d./]+), dsn=(?P<dsn>[\d.]+), status=(?P<status>\w+) "
    r"|from=<(?P<from>[^>]*)>, size=(?P<size>\d+), nrcpt=(?P<nrcpt>\d+) "
    r"|client=(?P<client>[^,]+)|message-id=<?(?P<message_id>[^>]*)"
    r"|reject: (?P<verb>\w+) from (?P<peer>[^:]+(?:\[[^\]]*\])?(?::\d+)?): (?P<code>\d{3}) )?(?P<rest>.*)$"
)
SENDMAIL = (
    r"(?P<program>[\w-]+)\[(?P<pid>\d+)\]: (?:(?P<queue_id>\w{14}): )?"
    r"(?:from=(?P<from>[^,]*), size=(?P<size>\d+), class=-?\d+, nrcpts=(?P<nrcpt>\d+)(?:, msgid=(?P<message_id>[^,]*))?"
    r"|to=(?P<to>\S+), (?:ctladdr=[^,]*, )?delay=(?P<delays>[\d+:]+), xdelay=(?P<xdelay>[\d+:]+), "
    r"mailer=(?P<mailer>\w+), pri=(?P<pri>\d+)(?:, relay=(?P<relay>[^,]*))?, dsn=(?P<dsn>[\d.]+), stat=(?P<status>\w+)"
    r"|ruleset=(?P<ruleset>\w+), arg1=(?P<arg1>[^,]*), .*reject=(?P<code>\d{3}) )?(?P<rest>.*)$"
)
EXIM = (
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:\[(?P<pid>\d+)\] )?"
    r"(?:(?P<queue_id>\w{6}-\w{6,11}-\w{2,4}) )?(?:(?P<flag><=|=>|->|\*\*|==) (?P<address>\S+)(?: <(?P<orig_to>[^>]*)>)?)?"
    r"(?: R=(?P<router>\S+))?(?: T=(?P<transport>\S+))?(?: defer \((?P<error>-?\d+)\))?"
    r"(?: ?H=(?P<relay>[^\[]*\[[^\]]*\](?::\d+)?))?(?: U=(?P<user>\S+))?(?: P=(?P<protocol>\S+))?"
    r"(?: X=(?P<cipher>\S+))?(?: CV=\S+)?(?: A=(?P<authenticated>\S+))?(?: S=(?P<size>\d+))?(?: id=(?P<message_id>\S+))?"
    r"(?: F=<(?P<from>[^>]*)>)?(?: (?:temporarily )?rejected (?P<verb>\w+) <(?P<to>[^>]*)>)?(?P<rest>.*)$"
)
EXCHANGE55 = (
    r"^(?:(?P<time>\S+ \d+:\d\d:\d\d(?: [AP]M)?) : )?(?:(?P<direction>>>>|<<<) )?(?P<raw>I[O0]: \|)?"
    r"(?:(?P<code>\d{3})[ -](?:(?P<dsn>\d\.\d\.\d) )?"
    r"|(?P<verb>HELO|EHLO|MAIL|RCPT|DATA|RSET|QUIT|AUTH)\b(?: (?:FROM|From|TO|To):<(?P<address>[^>]*)>)?)?(?P<rest>.*)$"
)
EXCHANGE = (
    "date-time", "connector-id", "session-id", "sequence-number", "local-endpoint", "remote-endpoint", "event", "data",
    "context",
)  # fmt: skip

LAYOUTS = {
    "postfix": Layout(SYSLOG + POSTFIX, "%Y %b %e %H:%M:%S", year="2024 "),
    "sendmail": Layout(SYSLOG + SENDMAIL, "%Y %b %e %H:%M:%S", year="2024 "),
    "exim": Layout(EXIM, "%Y-%m-%d %H:%M:%S"),
    "exchange55": Layout(EXCHANGE55, "%m/%d/%y %I:%M:%S %p", encoding="latin-1"),
    "zeek": Layout(separator="\t"),
    "zeek-json": Layout(),
    "iis-smtp": Layout(separator=" "),
    "exchange": Layout(separator=",", quote='"', names=EXCHANGE),
}


def names(log: str, layout: Layout) -> list[str]:
    """A table's columns, from its own header unless the layout has them."""
    if layout.names:
        return list(layout.names)
    with Path(log).open(encoding="utf-8") as lines:
        for line in lines:
            if line.lower().startswith(("#fields\t", "#fields: ")):
                return line.strip().split(layout.separator)[1:]
    raise ValueError(f"{log}: no line #fields")
