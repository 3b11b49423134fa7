"""AUTH exchanges: which account was named. The password is never decoded into anything that is kept.

Names come from AUTH LOGIN, PLAIN, CRAM-MD5 (RFC 4954, 4616, 2195) and NTLM. Every initial response and
every response line is masked with asterisks of its own length, so that octet counts stay right.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import texts
from spamlab.walk import RESPONSE

if TYPE_CHECKING:
    from spamlab.dialogue import Walk

_AFTER_MECHANISM = re.compile(r"^(\s*(?>(?:(?:AUTH|X-EXPS)\s+)?)\S+\s+)(.+)$", re.IGNORECASE | re.DOTALL)
_ALL = re.compile(r"^()(.+)$", re.DOTALL)
NTLM_AUTHENTICATE = b"NTLMSSP\0\x03"


def _stars(found: re.Match[str]) -> str:
    return found[1] + re.sub(r"\S", "*", found[2])


def _readable(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


def _ntlm_account(token: bytes) -> str | None:
    from spnego._ntlm_raw.messages import Authenticate  # imported late: it brings a whole crypto library

    try:
        message = Authenticate.unpack(token)
    except (ValueError, IndexError, UnicodeDecodeError):
        return None
    return message.user_name or ""  # without its domain: Guest is Guest, whatever the mechanism


def account(mechanism: str, response: str, number: int) -> str | None:
    r"""Return the account that the ``number``-th response (from 0) of an AUTH exchange names.

    ``None`` where it names none: a password, a challenge's answer, a token that cannot be decoded.

    >>> account("PLAIN", base64.b64encode(b"\0ann\0secret").decode(), 0)
    'ann'
    >>> account("LOGIN", "YW5u", 0), account("LOGIN", "c2VjcmV0", 1)
    ('ann', None)
    """
    if mechanism == "LOGIN" and number > 0:
        return None
    try:
        token = b"" if response == "=" else base64.b64decode("".join(response.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    if token.startswith(NTLM_AUTHENTICATE):
        return _ntlm_account(token)
    if mechanism == "LOGIN":
        return _readable(token)
    if mechanism == "PLAIN":
        parts = token.split(b"\0")
        return _readable(parts[1] or parts[0]) if len(parts) == 3 else None
    if mechanism == "CRAM-MD5" and b" " in token:
        return _readable(token.rsplit(b" ", 1)[0])
    return None


class Auth:
    """The AUTH exchanges of walked events: secrets masked in ``text`` and ``argument``, and accounts."""

    def __init__(self, text: texts.Draft, argument: texts.Draft, found: Walk, echo_of: np.ndarray | None) -> None:
        commands = found.where(found.commands("AUTH"))
        responses = found.where(found.kind == RESPONSE)
        said = argument.take(commands).set_axis(commands).fillna("").str.extract(r"^\s*(\S*)\s*(.*?)\s*$")
        mechanism, initial = said[0].str.upper(), said[1]
        step = pd.Series(found.step[responses], index=responses)
        # An initial response is response 0; the lines that follow count on from there.
        number = step.groupby(step).cumcount() + step.map(initial.ne("").astype(int)).fillna(0).astype(int)
        given = text.take(responses).str.strip()
        steps = pd.DataFrame(
            {
                "command": np.concatenate([commands, found.step[responses]]),
                "at": np.concatenate([commands, responses]),
                "mechanism": pd.concat([mechanism, step.map(mechanism)]).to_numpy(object),
                "response": pd.concat([initial.where(initial.ne("")), given]).to_numpy(object),
                "number": np.concatenate([np.zeros(len(commands), int), number]),
            }
        ).dropna(subset=["response", "mechanism"])
        said_so = list(zip(steps["mechanism"], steps["response"], steps["number"], strict=True))
        named_so = {each: account(*each) for each in set(said_so)}  # who tries passwords tries them with few names
        steps["account"] = [named_so[each] for each in said_so]
        self._accounts = steps.dropna(subset=["account"]).groupby("command")["account"].last()
        self._commands = commands
        self._responses = responses
        self._found = found
        named = steps[steps["at"].isin(responses)].set_index("at")["account"]
        echoes = np.flatnonzero(echo_of >= 0) if echo_of is not None else np.zeros(0, dtype=np.int64)
        copied = echo_of[echoes] if echo_of is not None else echoes
        for at, secret in ((commands, _AFTER_MECHANISM), (responses, _ALL)):
            again = np.isin(copied, at)
            rows = np.concatenate([at, echoes[again]])
            if not len(rows):
                continue
            text.put(rows, text.take(rows).str.replace(secret, _stars, regex=True))
            if secret is _ALL:
                told = pd.Series(np.concatenate([at, copied[again]])).map(named).astype("str")
            else:
                told = argument.take(rows).str.replace(secret, _stars, regex=True)
            argument.put(rows, told)

    def user(self, session: np.ndarray, n: int) -> pd.Series:
        """The account of each session: the last one named."""
        named = pd.Series(session[self._accounts.index.to_numpy(int)], dtype="int64")
        return pd.Series(self._accounts.to_numpy(object)).groupby(named.to_numpy()).last().reindex(range(n))

    def authenticated(self, code: np.ndarray, session: np.ndarray, n: int) -> np.ndarray:
        """Which sessions saw an AUTH answered 235."""
        asked = np.concatenate([self._commands, self._responses])
        answer = self._found.answer[asked]
        good = (answer >= 0) & (code.take(np.maximum(answer, 0)) == 235)
        return np.asarray(np.bincount(session[asked[good]], minlength=n)[:n] > 0)
