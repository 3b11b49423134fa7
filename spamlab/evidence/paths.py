"""The addresses of a log: who or what made them, which rules they break, whether they were taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab import messages, partwise
from spamlab.evidence.assumptions import Assumptions

if TYPE_CHECKING:
    from spamlab.log import Log

# Bulk mailers' placeholders for random text, left as they were: $RANDOMIZE3T, ${RND}, %RND_TEXT%, {%RAND%}, [[rnd]].
_MACRO = r"(?i)^(?:\$\{?|%|\{[{%]|\[\[|<%)%?[a-z_]*(?:rand|rnd|digit|char|word|alpha|from|user|name|mail)"
# Senders that mailing lists and forwarders make, one for each message (VERP, SRS, BATV, sub-addresses), and IDNA.
_LISTS = r"(?i)\+.*$|^(?:bounces?|srs[01]|prvs|xn-)[-+=_].*$"
_LONG, _DIGITS, _SWITCHES, _BITS = 8, 3, 2, 2.2


def entropy(texts: pd.Series) -> pd.Series:
    """Shannon entropy of each text's characters, in bits a character.

    >>> entropy(pd.Series(["aaaa", "abcd", ""])).tolist()
    [0.0, 2.0, 0.0]
    """
    letters = texts.astype("object").fillna("").map(list).explode().dropna()
    n = letters.groupby([letters.index, letters]).size()
    p = n / n.groupby(level=0).transform("sum")
    bits = -(p * np.log2(p)).groupby(level=0).sum()
    return bits.abs().reindex(texts.index, fill_value=0.0)


def made_by(address: pd.Series) -> pd.Series:
    """Who or what a local part looks made by: ``macro`` (left unexpanded), ``random``, else ``plain``.

    Random is taken to be what has 8 characters or more, 3 digits or more, changes between letters and digits twice or
    more, and has 2.2 bits a character or more (``tests/test_claims.py`` measures how often that errs), but not what
    mailing lists and forwarders make for each message.

    >>> made_by(pd.Series(["$RANDOMIZE3T@NETSCAPE.COM", "7adc27da80@example.com", "webmaster138@example.net"])).tolist()
    ['macro', 'random', 'plain']
    """
    local = address.astype("str").str.rsplit("@", n=1).str[0].fillna("")
    macro = local.str.contains(_MACRO, regex=True)
    local = local.str.replace(_LISTS, "", regex=True)
    switches = local.str.count(r"(?i)[a-z](?=[0-9])|[0-9](?=[a-z])")
    noise = (local.str.len() >= _LONG) & (local.str.count("[0-9]") >= _DIGITS) & (switches >= _SWITCHES)
    noise[noise] = entropy(local[noise]) >= _BITS
    return pd.Series(np.select([macro, noise], ["macro", "random"], "plain"), address.index, dtype="str")


# Of the validator's sentences, what they begin or go on with, and the rule that is broken.
_RULES = {
    "must have an @-sign": "no domain (RFC 5321 §4.1.2, Mailbox)",
    "must be something before": "empty local part (RFC 5321 §4.1.2, Local-part)",
    "must be something after": "empty domain (RFC 5321 §4.1.2, Domain)",
    "period": "a dot too many (RFC 5322 §3.2.3, dot-atom)",
    "hyphen": "a label begins or ends with a hyphen (RFC 5321 §4.1.2, sub-domain)",
    "before the @-sign:": "a character that only a quoted string may hold (RFC 5322 §3.2.3, atext)",
    "too long": "too long (RFC 5321 §4.5.3.1)",
    "so many characters": "too long (RFC 5321 §4.5.3.1)",
    "brackets": "no address literal (RFC 5321 §4.1.3)",
    "after the @-sign contains invalid": "a character that no domain may hold (RFC 5321 §4.1.2, sub-domain)",
}


def broken_rule(address: str) -> str:
    """Name the rule of RFC 5321 or 5322 that an address breaks; empty: none.

    Quoted local parts, address literals and UTF-8 (RFC 6531) are allowed; whether the domain exists is not asked.

    >>> broken_rule("$RANDOMIZE3T@NETSCAPE.COM")  # $ is atext
    ''
    >>> broken_rule("${RANDOMIZE3T@NETSCAPE.COM}")
    'a character that no domain may hold (RFC 5321 §4.1.2, sub-domain)'
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(
            address, check_deliverability=False, globally_deliverable=False, test_environment=True, strict=True,
            allow_smtputf8=True, allow_quoted_local=True, allow_domain_literal=True,
        )  # fmt: skip
    except EmailNotValidError as error:
        said = str(error)
        if "special-use" in said:  # syntax is all that is asked
            return ""
        return next((rule for sign, rule in _RULES.items() if sign in said), "no Mailbox (RFC 5321 §4.1.2)")
    return ""


@partwise.partwise(partwise.series)
def mail_codes(log: Log) -> pd.Series:
    """The code that each transaction's MAIL was answered with (index: transaction); none in a mail server's log."""
    asked = log.columns("events", "kind", "verb", "echo")
    asked = asked[~asked["echo"] & asked["verb"].eq("MAIL") & asked["kind"].isin(["command", "exchange"])]
    if asked.empty:
        return pd.Series(dtype="float64", index=pd.Index([], dtype="int64", name="transaction"), name="answer")
    asked = log.columns("events", "transaction", "code").loc[asked.index].dropna(subset="transaction")
    code = messages.answered(log).reindex(asked.index).fillna(asked["code"]).astype("float64")
    return code.groupby(asked["transaction"].astype("int64")).first()


def answered_paths(log: Log, only: pd.Index | None = None) -> pd.DataFrame:
    """Every reverse-path and forward-path that was given, but ``<>``: ``way``, ``address``, ``taken``, ``event``.

    ``taken`` (bool): answered 2xx, or in a mail server's log not refused; ``event``: label of an event (Int64).
    ``only``: the addresses wanted; by default all.
    """
    found = [rows if only is None else rows[rows["address"].isin(only)] for rows in _paths(log)]
    whole = partwise.stacked(found).sort_values(["order", "at"], kind="stable", ignore_index=True)
    return whole[["way", "address", "taken", "event"]]


def addresses(log: Log) -> pd.Series:
    """How often each different address of ``answered_paths`` was given (index: address, in order of the first)."""
    each = [rows.groupby("address").agg(uses=("at", "size"), order=("order", "min")).join(
        rows.drop_duplicates("address").set_index("address")["at"]) for rows in _paths(log)]  # fmt: skip
    whole = pd.concat(each).sort_values(["order", "at"], kind="stable")
    uses: pd.Series = whole["uses"].groupby(level=0, sort=False).sum()
    return uses


def _paths(log: Log) -> Iterator[pd.DataFrame]:
    """``answered_paths`` of each part, in order of ``order`` and ``at``, which tell the place in the whole."""
    spoken = bool(len(mail_codes(log)))
    before = 0
    for rows in partwise.kept(log, _given_paths).frames():
        n = int(rows["order"].eq(2).sum())
        rows["at"] += np.where(rows["order"] == 2, before, 0)
        before += n
        # A mail server's log names local users and programs so.
        yield rows if spoken else rows[rows["address"].str.contains("@", regex=False)]


def _given_paths(log: Log) -> pd.DataFrame:
    code, made = mail_codes(log), log.columns("transactions", "transaction", "reverse_path")
    reverse = pd.DataFrame({"address": made["reverse_path"], "transaction": made["transaction"].astype("Int64")})
    reverse["taken"] = code.reindex(made["transaction"]).fillna(250).lt(400).to_numpy()
    events = log.columns("events", "transaction", "kind", "verb", "echo")
    events = events[~events["echo"]]
    refused = events[events["kind"].eq("reject") & events["verb"].eq("MAIL")]
    told = log.columns("events", "argument")["argument"].reindex(refused.index) if len(refused) else None
    no = pd.DataFrame({"address": told, "taken": False, "event": refused.index}).astype({"address": "str"})
    tried = log.columns("recipients", "transaction", "forward_path", "status")
    forward = pd.DataFrame({"address": tried["forward_path"], "transaction": tried["transaction"]})
    forward["taken"] = tried["status"].ne("rejected").fillna(True)
    rows = pd.concat(
        [reverse.assign(way="reverse-path", order=0, at=made["transaction"]),
         no.assign(way="reverse-path", order=1, at=refused.index),
         forward.assign(way="forward-path", order=2, at=np.arange(len(forward)))]
    )  # fmt: skip
    rows = rows[rows["address"].notna() & rows["address"].ne("")].reset_index(drop=True)
    own = events["transaction"].dropna().drop_duplicates()
    first = pd.Series(own.index, own.astype("int64"), dtype="Int64")
    rows["event"] = rows["event"].astype("Int64").fillna(rows["transaction"].map(first).astype("Int64"))
    return rows.astype({"at": "int64", "taken": "bool"}).drop(columns="transaction")


def syntax(log: Log, given: Assumptions) -> pd.DataFrame:
    """``answered_paths`` with the ``rule`` each breaks; of more addresses than ``given.sample``, of a sample."""
    different = addresses(log).index.to_series().sort_values()
    if len(different) > given.sample:
        different = different.sample(given.sample, random_state=2003)
    rows = answered_paths(log, pd.Index(different))
    return rows.assign(rule=rows["address"].map(different.set_axis(different).map(broken_rule))).dropna(subset="rule")
