"""Small logs made by hand, for the tests of the analyses."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

import spamlab
from spamlab import tables
from spamlab.log import Log

EPOCH = pd.Timestamp("2003-11-11 14:00", tz="UTC")
Line = tuple[float, str]  # seconds since EPOCH; "C: line" or "S: line"

REPLIES = {"EHLO": "250 HOST", "MAIL": "250 Ok", "RCPT": "250 Ok", "DATA": "354 Go", "RSET": "250 Ok", "QUIT": "221 BYE",
           "NOOP": "250 Ok", "AUTH": "235 Ok", "STARTTLS": "220 Go"}  # fmt: skip
LINES = {
    "EHLO": "EHLO me",
    "MAIL": "MAIL FROM:<> SIZE=2000",
    "RCPT": "RCPT TO:<a@example.org>",
    "AUTH": "AUTH PLAIN",
}


def dialogue_log(scripts: Iterable[Sequence[Line]], role: str = "client", peers: Sequence[str] = ()) -> Log:
    """What the reader makes of an Exchange 5.5 log with these sessions, one after another."""
    out = []
    for number, script in enumerate(scripts):
        peer = peers[number] if peers else "192.0.2.1"
        opening = (
            f"A connection to {peer} was established."
            if role == "client"
            else f"A connection was accepted from {peer}."
        )
        out.append(f"{_stamp(script[0][0] if script else 0)} : {opening}")
        for seconds, said in script:
            who, text = said.split(": ", 1)
            out.append(f"{_stamp(seconds)} : {'>>>' if (who == 'C') == (role == 'client') else '<<<'} {text}")
    return spamlab.read(io.BytesIO("\n".join([*out, ""]).encode()), format="exchange55")


def _stamp(seconds: float) -> str:
    return (EPOCH + pd.Timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def talk(symbols: Iterable[str], start: float = 0, every: float = 1) -> list[Line]:
    """Lines from symbols such as ``RCPT(550)``: a command and its reply each, ``every`` s apart."""
    lines = []
    for symbol in symbols:
        verb, _, code = symbol.rstrip(")").partition("(")
        lines += [
            f"C: {LINES.get(verb, verb)}",
            f"S: {code} no" if code else f"S: {REPLIES.get(verb, '250 Ok')}",
        ]
        if verb == "DATA" and not code:
            lines.append("S: 250 queued")
    return [(start + every * i, line) for i, line in enumerate(lines)]


def empty_log() -> Log:
    """A Log with no rows."""
    return Log({})


def mta_log(n: int = 3) -> Log:
    """A Log as an MTA's lines give it: messages and deliveries, no dialogue; every third time is missing."""
    at = np.arange(n)
    when = pd.Series([EPOCH + pd.Timedelta(seconds=i) for i in range(n)]).mask(at % 3 == 2)
    when = when.astype("datetime64[us, UTC]")
    return Log(
        {
            "events": tables.conform(
                "events",
                {"time": when, "transaction": at, "kind": ["deliver"] * n, "text": ["sent"] * n, "source": ["made"] * n},
            ),
            "transactions": tables.conform(
                "transactions",
                {"transaction": at, "start": when, "null_sender": [True] * n, "size": [3000] * n,
                 "report": ["ndr" if i % 2 == 0 else None for i in at], "outcome": ["delivered"] * n},
            ),
            "recipients": tables.conform(
                "recipients",
                {"transaction": at, "time": when, "forward_path": ["a@example.org"] * n, "status": ["delivered"] * n,
                 "relay": ["mx.example.org[192.0.2.9]:25"] * n, "code": [250] * n, "reply": ["250 ok"] * n},
            ),
            "sources": tables.conform("sources", {"source": ["made"], "resolution": [1.0]}),
        }
    )  # fmt: skip
