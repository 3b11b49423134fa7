"""What to do about a file that is no log, but in which one can be: a sentence's end for the error that says so."""

from __future__ import annotations

import re

_JOURNALCTL = "take journalctl -o json or -o short-iso"
_SEVERAL = "JSON of several lines a record or several records a line: write one a line, as jq -c does"
_KNOWN = (
    (rb"LPKSHHRH", "it is a journal as stored: take journalctl --file FILE -o json"),
    (rb"(?:[\w]+=[^\n]*\n)*__(?:CURSOR|REALTIME_TIMESTAMP)=", f"it is journalctl's -o export: {_JOURNALCTL}"),
    (rb"(?m)^ {4}(?:MESSAGE|_HOSTNAME|SYSLOG_IDENTIFIER)=", f"it is journalctl's -o verbose: {_JOURNALCTL}"),
    (rb"\s*(?:\[\s*)?\{\s*\n|\s*\[\s*\{.*\}\s*,\s*\{|(?s:\s*\{[^\n]{0,2000}:\s*\[\s*\{)", f"it is {_SEVERAL}"),
    (rb"Debug line with all properties:", "it is rsyslog's debug format: take RSYSLOG_FileFormat"),
    (rb"\[(?:ASLMessageID|Time|Sender|Facility) [^\n\]]*\] \[", "it is syslog -F raw: take syslog -F std"),
    (rb"Timestamp {10,}Thread", "it is macOS's log show: take --style syslog"),
    (rb"(?i)\s*<(?:!doctype|html|\?xml)", "it is a page: save the log's text alone"),
    (rb"PK\x03\x04|7z\xbc\xaf|\x1f\x9d|\x04\"M\x18|Rar!|LZIP|(?s:.{257}ustar)", "it is an archive: unpack it first"),
    (rb"SQLite format 3\0|ElfFile\0", "it is a database: export the log's lines as text"),
    (rb"\xd4\xc3\xb2\xa1|\xa1\xb2\xc3\xd4|\n\r\r\n", "it holds packets: Zeek makes an smtp.log of them"),
    (
        rb"(?m)^\d{1,2}[/.]\d{1,2}[/.]\d{2,4},? .*(?:postfix/|sendmail\[|sm-mta\[|exim\[)",
        "its dates are in a locale's order: write them as 2024-07-07T13:42:53+00:00",
    ),
    (
        rb"(?m)^(?:NOQUEUE|[0-9A-Za-z]{8,16}): (?:from|to|client|message-id|reject)\b|^connect from \S+\[",
        f"its lines say neither when nor by whom they were written: {_JOURNALCTL}, not -o cat",
    ),
)


def on(octets: bytes) -> str:
    r"""What a file is, from its beginning as stored, and what to do; nothing where that is not known.

    >>> on(b"[\n  {\n")
    'it is JSON of several lines a record or several records a line: write one a line, as jq -c does'
    """
    return next((said for mark, said in _KNOWN if (re.search if b"^" in mark else re.match)(mark, octets)), "")
