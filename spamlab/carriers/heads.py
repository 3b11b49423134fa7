"""Records that hold a syslog line, or the parts of its head by name, as that line: of journald, Docker, log shippers,
syslog daemons and what they are exported from.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spamlab.carriers import parsing
from spamlab.carriers.parsing import NONE, TEXT, Columns, joined, matching, one_line

_JOURNAL = dict.fromkeys(
    ("__REALTIME_TIMESTAMP", "_HOSTNAME", "SYSLOG_IDENTIFIER", "_COMM", "SYSLOG_PID", "_PID", "MESSAGE"), TEXT
)
_PASSED = dict.fromkeys(("log", "time"), TEXT)
HEAD = {
    "whole": ("event.original", "rawmsg", "raw", "full_message", "_raw", "textPayload", "line", "log", "@message",
        "message", "msg", "MESSAGE", "Message", "event", "body.stringValue"),
    "time": ("timereported", "EventTime", "timegenerated", "ISODATE", "DATE", "UNIXTIME", "generated_at",
        "timestamp", "time", "TimeGenerated", "@timestamp", "received_at", "_time", "__REALTIME_TIMESTAMP",
        "timeUnixNano", "ReceivedAt", "date", "datetime", "Time"),
    "host": ("sysloghost", "logsource", "HOST", "host", "hostname", "HostName", "Hostname", "Computer", "_HOSTNAME",
        "host.hostname", "host.name", "FromHost", "source_name", "source"),
    "program": ("PROGRAM", "program", "syslogtag", "SysLogTag", "app-name", "appname", "SYSLOG_IDENTIFIER",
        "syslog_identifier", "syslog.identifier", "ident", "programname", "ProcessName", "SourceName",
        "application_name", "_program", "process.name", "process", "Program", "service", "tag"),
    "pid": ("PID", "pid", "procid", "syslog_pid", "SYSLOG_PID", "_PID", "ProcessID", "process_id", "syslog.pid",
        "process.pid", "_pid"),
    "message": ("MESSAGE", "message", "msg", "Message", "Messages", "SyslogMessage", "short_message", "logmsg",
        "event", "line", "log", "@message"),
}  # fmt: skip
"""What syslog daemons (rsyslog, syslog-ng), shippers, collectors and their exports call a line and a head's parts; of
several the first. A point stands between a record's name and that of what is in it."""

_PARTED = dict.fromkeys((name for names in HEAD.values() for name in names), TEXT)
_DEPTH = 3  # of records within records, as Filebeat, Splunk and Elasticsearch write them
_STAMPED = r"^(<\d+>)?(1 )?(\d{4}-\d\d-\d\d[T ]|[A-Z][a-z]{2} [ \d]?\d (\d{4} )?\d\d:)"
_PROCESS = r"[\w./-]+\[\d+\]: "


def journal(block: bytes) -> Any:
    """The lines of ``journalctl -o json``."""
    return _journal(parsing.at_once(block, _JOURNAL) or parsing.one_by_one(block, _JOURNAL))


def passed(block: bytes) -> Any:
    """The lines that Docker keeps."""
    return _passed(parsing.at_once(block, _PASSED) or parsing.one_by_one(block, _PASSED))


def parted(block: bytes) -> Any:
    """The lines of records of any other maker's."""
    found = parsing.at_once(block, _PARTED)
    made = headed(found) if found else None
    if made is None or made.null_count:  # what it lacks may be in a record within
        made = headed(parsing.one_by_one(block, _PARTED, lambda line: parsing.flat(parsing.record(line), _DEPTH)))
        if found and b'"@timestamp"' in block:  # another format's line
            made = pc.coalesce(made, one_line(found["message"], " ", "\t"))
    return made


def _journal(found: Columns) -> Any:
    """``time host program[pid]: message``; missing where an entry lacks its time."""
    micros = found["__REALTIME_TIMESTAMP"]
    micros = pc.if_else(pc.match_substring_regex(micros, r"^\d{1,17}$"), micros, None).cast("int64")
    time = pc.strftime(micros.cast(pa.timestamp("us", "UTC")), "%Y-%m-%dT%H:%M:%S").cast(TEXT)
    host, pid = found["_HOSTNAME"], pc.coalesce(found["SYSLOG_PID"], found["_PID"])
    host = pc.binary_join_element_wise(host, pa.scalar("", TEXT), pa.scalar(" ", TEXT))
    pid = pc.binary_join_element_wise(pa.scalar("", TEXT), pid, pa.scalar("[", TEXT))
    program = pc.coalesce(found["SYSLOG_IDENTIFIER"], found["_COMM"], pa.scalar("-", TEXT))
    message = one_line(found["MESSAGE"], " ", " ")
    closing = pc.if_else(pc.is_valid(pid), pa.scalar("]", TEXT), pa.scalar("", TEXT))
    made = joined(time, "+00:00 ", host, program, pid, closing, ": ", message)
    return pc.if_else(pc.is_valid(time), made, NONE)


def _passed(found: Columns) -> Any:
    """A line as Docker keeps it, behind its time, which is the better one where the line's own is none of syslog's."""
    time = matching(found["time"], r"^[^\r\n]{1,60}$")
    time = pc.binary_join_element_wise(time, pa.scalar("", TEXT), pa.scalar(" ", TEXT))
    log = pc.replace_substring_regex(found["log"], r"[\r\n]+$", "")
    own = pc.replace_substring_regex(log, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d([.,]\d+)?( [+-]\d{4})? ", "")
    log = pc.if_else(pc.is_valid(time), own, log)
    return one_line(pc.if_else(pc.is_valid(log), joined(time, log), NONE), " ", "\t")


def headed(found: Columns) -> Any:
    """A line whose head came as parts of a record; missing where it lacks them.

    A line that the record holds whole counts by itself: a shipper's time says when it was read.
    """
    names = {part: [name for name in names if name in found] for part, names in HEAD.items()}
    none = pa.nulls(len(next(iter(found.values()))), TEXT)
    whole = pc.coalesce(*(matching(found[name], _STAMPED) for name in names["whole"]), none)
    given = {part: pc.coalesce(*(found[name] for name in names[part]), none) for part in HEAD if part != "whole"}
    time, host = matching(given["time"], r"^[^\r\n]{1,60}$"), matching(given["host"], r"^[\w.:-]+$")
    host = pc.coalesce(host, pa.scalar("-", TEXT))
    message = one_line(pc.utf8_trim_whitespace(given["message"]), " ", " ")
    tag = pc.replace_substring_regex(matching(given["program"], r"^[\w./:@-]+(\[\d+\])?:?$"), r":$", "")
    pid = pc.binary_join_element_wise(
        pa.scalar("[", TEXT), matching(given["pid"], r"^\d+$"), pa.scalar("]", TEXT), pa.scalar("", TEXT)
    )
    pid = pc.if_else(pc.match_substring_regex(tag, r"\]$"), pa.scalar("", TEXT), pid)
    made = pc.binary_join_element_wise(
        time, pa.scalar(" ", TEXT), host, pa.scalar(" ", TEXT), joined(tag, pid), pa.scalar(": ", TEXT), message,
        pa.scalar("", TEXT),
    )  # fmt: skip
    made = pc.if_else(pc.is_valid(tag), made, NONE)
    named = pc.coalesce(  # behind a host or without
        pc.binary_join_element_wise(time, matching(message, r"^[\w.:-]+ " + _PROCESS), pa.scalar(" ", TEXT)),
        pc.binary_join_element_wise(time, host, matching(message, "^" + _PROCESS), pa.scalar(" ", TEXT)),
    )
    return pc.coalesce(one_line(pc.utf8_trim_whitespace(whole), " ", "\t"), named, made)
