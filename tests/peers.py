"""Totals of other programs on a log, to hold spamlab's own against.

What each total counts, and where the programs go wrong, is told in ``benchmarks/PEERS.md`` and was read from their
sources: pflogsumm 1.1.5, eximstats 1.61 (of Exim 4.96).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers import Missing, perl, script

HOURLY = ("received", "delivered", "deferred", "bounced", "rejected")
TOTALS = {
    "bytes received": "bytes_received", "bytes delivered": "bytes_delivered", "reject warnings": "reject_warnings",
    "sending hosts/domains": "sending_hosts", "recipient hosts/domains": "recipient_hosts",
    "connections": "connections",
}  # fmt: skip


def available(name: str) -> bool:
    """Whether ``pflogsumm`` or ``eximstats`` can be run here (it is fetched if that is possible)."""
    try:
        script(name)
    except Missing:
        return False
    return True


def pflogsumm(log: Path, *options: str) -> dict[str, Any]:
    """What pflogsumm says about a Postfix log, exactly.

    It prints numbers over 512 Ki as ``513k``; its documentation invites to change the two constants that say when,
    and that is done here (the script goes to Perl on standard input), nothing else.

    ``received`` is lines of ``smtpd`` (also ``submission``, ``smtps``; not under another ``syslog_name``) with
    ``client=``, and of ``pickup`` with ``uid=``; queued or not, and again after a content filter. ``delivered`` is
    lines ``status=sent`` not ``forwarded as`` (those are ``forwarded``), hand-over to a content filter among them;
    ``deferrals`` lines ``status=deferred``, ``deferred`` queue ids with one; ``bounced`` lines ``status=bounced``.
    ``rejected``: ``reject:`` lines of smtpd and postscreen, header, body and end-of-message rejects and
    milter-rejects of cleanup; not smtpd's ``milter-reject:``. ``bytes_received``: the size on a queue id's first
    ``from=, size=`` line, if it was received; ``bytes_delivered``: that size for each delivery. A queue id that is
    used again keeps its first size. ``status=expired`` counts nowhere.

    Further keys: ``per_hour`` (a list of 24; absent for logs of more than one day, where it is an average),
    ``per_day`` (date to counts; only for several days), ``sent_to`` (domain to ``delivered``, ``bytes``,
    ``deferrals``), ``received_from`` (domain to ``messages``, ``bytes``), ``senders_by_count``,
    ``recipients_by_count``, ``senders_by_size``, ``recipients_by_size``, ``no_size`` (queue ids).
    """
    source = script("pflogsumm").read_text()
    for constant in ("divByOneKAt", "divByOneMegAt"):
        source, found = re.subn(rf"(?m)^\${constant}\s*=.*", f"${constant} = 9e18;", source)
        assert found == 1, constant
    told = _run([*perl(), "-", "--iso-date-time", *options, str(log)], source)
    sections = _sections(told)
    result: dict[str, Any] = {}
    for line in sections["Grand Totals"]:
        if found := re.match(r" +(\d+) +([a-z/ ]+?)(?: +\((\d+)[%]?(?: +deferrals)?\))?$", line):
            result[TOTALS.get(found[2], found[2])] = int(found[1])
            if found[2] == "deferred":
                result["deferrals"] = int(found[3] or 0)
    if hours := sections.get("Per-Hour Traffic Summary"):
        rows = [line.split() for line in hours if re.match(r" +\d\d:00-", line)]
        result["per_hour"] = [dict(zip(HOURLY, map(int, row[1:]), strict=True)) for row in rows]
    if days := sections.get("Per-Day Traffic Summary"):
        rows = [line.split() for line in days if re.match(r" +\d{4}-", line)]
        # A day's row ends with its last count that is not nought.
        result["per_day"] = {
            row[0]: dict.fromkeys(HOURLY, 0) | dict(zip(HOURLY, map(int, row[1:]), strict=False)) for row in rows
        }
    delivery = r" +(\d+) +(\d+) +(\d+) +[\d.]+ [smh] +[\d.]+ [smh]  (.*)"
    result["sent_to"] = _rows(
        sections, "Host/Domain Summary: Message Delivery", delivery, ("delivered", "bytes", "deferrals")
    )
    result["received_from"] = _rows(
        sections, "Host/Domain Summary: Messages Received", r" +(\d+) +(\d+)  (.*)", ("messages", "bytes")
    )
    for whose in ("Senders", "Recipients"):
        for by, name in (("message count", "count"), ("message size", "size")):
            rows = _rows(sections, f"{whose} by {by}", r" +(\d+)   (.*)", ("n",))
            result[f"{whose.lower()}_by_{name}"] = {address: row["n"] for address, row in rows.items()}
    result["no_size"] = [line.split()[0] for line in sections.get("Messages with no size data", []) if line.strip()]
    return result


def eximstats(log: Path, *options: str, top: int = 0) -> dict[str, Any]:
    """What eximstats says about an Exim main log, exactly (``-nvr``: volumes are not rounded).

    ``received``: lines ``<=``, bounces that Exim made itself among them. ``delivered``: lines ``=>``, a
    ``:blackhole:`` among them; ``delivered_addresses`` counts ``->`` too, but volumes do not. ``received_bytes``
    sums ``S=``; ``delivered_bytes`` the message's size for each ``=>`` (nought if its ``<=`` is not in the log).
    ``delayed`` and ``failed`` are messages with at least one ``==`` or ``**``, if their ``<=`` is in the log, once
    each; ``errors`` is lines ``**``. ``rejects`` and ``temp_rejects`` are lines with the words rejected, refused
    or dropped that are no delivery lines (``temporarily rejected …`` the latter), and blackholed deliveries.

    Further keys: ``transports`` (name to ``bytes``, ``messages``), ``received_per_hour`` and
    ``delivered_per_hour`` (24 counts, days added), ``errors_by_text``, and with ``top`` the league tables in
    ``top`` (title to key to counts). Needs message ids of 16 characters: it misreads those of Exim 4.97 and later.
    """
    told = _run([*perl(), str(script("eximstats")), "-nvr", "-nr", f"-t{top}", *options, str(log)])
    sections = _sections(told)
    result: dict[str, Any] = {"rejects": 0, "temp_rejects": 0, "ham": 0, "spam": 0}
    for line in sections["Grand total summary"]:
        name, words = line[2:18].strip(), line[18:].split()
        if name == "Received":
            result |= {"received_bytes": int(words[0]), "received": int(words[1]), "sending_hosts": int(words[2])}
            delayed, failed = [int(n) for n in re.findall(r"(\d+) +[\d.]+%", line)]
            result |= {"delayed": delayed, "failed": failed}
        elif name == "Delivered":
            result |= {
                "delivered_bytes": int(words[0]),
                "delivered": int(words[1]),
                "delivered_addresses": int(words[2]),
            }
        elif name in ("Rejects", "Temp Rejects", "Ham", "Spam"):
            result[name.lower().replace(" ", "_")] = int(words[0])
    result["transports"] = _rows(
        sections, "Deliveries by transport", r"  (?P<key>\S+) +(\d+) +(\d+)$", ("bytes", "messages")
    )
    for title, name in (
        ("Messages received per hour", "received_per_hour"),
        ("Deliveries per hour", "delivered_per_hour"),
    ):
        rows = [re.match(r"\d\d-\d\d +(\d+)", line) for line in _section(sections, title)]
        result[name] = [int(row[1]) for row in rows if row]
    listed = "\n".join(_section(sections, "List of errors"))
    entries = re.findall(r"(?m)^ *(\d+) (.*(?:\n\t    .*)*)", listed)
    result["errors_by_text"] = {re.sub(r"\n\t    ", " ", text).strip(): int(count) for count, text in entries}
    result["errors"] = sum(result["errors_by_text"].values())
    if top:
        result["top"] = {title: _league(lines) for title, lines in sections.items() if title.startswith("Top ")}
    return result


def _run(command: list[str], source: str | None = None) -> str:
    done = subprocess.run(command, input=source, capture_output=True, text=True, errors="replace", check=True)
    return done.stdout


def _sections(told: str) -> dict[str, list[str]]:
    """Title (the line over a line of dashes) to the lines below it."""
    lines, found, title = told.splitlines(), dict[str, list[str]](), ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if line and re.fullmatch(r"-+", below):
            title = line.strip()
            found[title] = []
        elif title and not re.fullmatch(r"-+", line):
            found[title].append(line)
    return found


def _section(sections: dict[str, list[str]], start: str) -> list[str]:
    return next((lines for title, lines in sections.items() if title.startswith(start)), [])


def _rows(sections: dict[str, list[str]], title: str, row: str, names: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """Rows of a table, by the last group (or the one named ``key``)."""
    made = {}
    for found in filter(None, (re.fullmatch(row, line) for line in _section(sections, title))):
        groups = list(found.groups())
        key = groups.pop(0 if "key" in found.groupdict() else -1)
        made[key.strip()] = dict(zip(names, map(int, groups), strict=True))
    return made


def _league(lines: list[str]) -> dict[str, dict[str, int]]:
    names = [name.lower() for name in lines[0].split() if name in ("Messages", "Addresses", "Bytes", "Average")]
    made = {}
    for line in lines[1:]:
        if line.strip():
            words = line.split(None, len(names))
            made[words[-1]] = dict(zip(names, map(int, words[:-1]), strict=True))
    return made
