"""Why mail was refused, bounced, put off or given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from spamlab import partwise
from spamlab.traffic.flows import FAILED, of, ranked

if TYPE_CHECKING:
    from spamlab.log import Log

# In order: a reply code is no reason, and neither is who asked, which stands before it or after.
_VARIABLE = (
    (r"^\S+: [\w-]*reject: \w+ from \S+: ", ""),
    (r"^(?=\w*\d)\w{8,}: ", ""),
    (r"^ruleset=[^\n]*? reject=", ""),
    (
        r"^(?:\w{6}-\w{6,11}-\w{2,4} )?(?:H=[^\n]*? )?(?:temporarily )?rejected (?:from [^\n]*?"
        r'|(?:after )?[A-Z]+(?: <(?:[^<>]|<[^<>]*>)*>| (?:from |FROM:)[^\n]*?)?|connection in "\w+" ACL): ',
        "",
    ),
    (r"(invalid argument\(s\):) [^\n]*", r"\1 …"),
    (r"(?m)(^|said: )\d{3}[ -]", r"\1"),
    (r"(?m)(^|said: )\d\.\d{1,3}\.\d{1,3} ", r"\1"),
    (r"; (?:from|to|proto|helo)=.*", ""),
    (r'<(?:"[^"]*"|[^<>"])*>|<[^<>]*>', "<…>"),
    (r"https?://[^\s;,)]+", "…"),
    (r"[\w.+=~-]+@[\w.-]+", "…"),
    (r"\[?(?:\d{1,3}\.){3}\d{1,3}\]?(?::\d+)?|\[?(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}\]?", "…"),
    (r"\b(?:[\w-]+\.)+(?:[a-z]{2,}|[A-Z]{2,})\b(?!\.\w)", "…"),
    (r"\b(?=\w*\d)\w{6,}\b", "…"),
    (r"\d+", "…"),
    (r"(?:…[\s:,.-]*)+…", "…"),
    (r"\s+", " "),
)


def pattern(text: pd.Series) -> pd.Series:
    """Texts without codes and variable parts: addresses, hosts, links, ids and numbers become ``…``.

    Examples
    --------
    >>> pattern(pd.Series(["550 5.1.1 <ann@example.com>: unknown, see https://x.example/7"])).item()
    '<…>: unknown, see …'
    """
    known = pd.Series(text.dropna().unique(), dtype="str")
    bare = known
    for what, put in _VARIABLE:
        bare = bare.str.replace(what, put, regex=True)
    return text.map(dict(zip(known, bare.str.strip(), strict=True))).astype("str").where(text.notna())


def told(attempts: pd.DataFrame) -> pd.Series:
    """Of attempts that failed the code, a blank, and the reply without addresses; missing where there is no reply."""
    code = attempts["enhanced_code"].astype("str").fillna(attempts["code"].astype("str")).fillna("")
    return code + " " + attempts["reply"].str.replace(r"<[^<>]*>", "<…>", regex=True)


def reason(told: pd.Series) -> pd.Series:
    """What ``told`` gives, without what varies."""
    parts = told.str.extract(r"(?s)^(\S*) ?(.*)$")
    return (parts[0] + " " + pattern(parts[1])).str.strip()


def reasons(log: Log, n: int | None = None, hops: bool = False) -> pd.DataFrame:
    """Why mail was refused, bounced, put off or given up: texts of one pattern and code are one reason.

    Returns
    -------
    DataFrame
        The commonest first: ``status``, ``enhanced_code`` (empty if none is logged), ``code`` (Int64), ``reason`` (see
        ``pattern``; empty if none is logged), ``count`` (int64), ``first``, ``last`` (UTC), ``example`` (the first).

    Examples
    --------
    >>> import spamlab
    >>> reasons(spamlab.read("data/exchange55-appendix-a.log"))[["status", "code", "count"]].values.tolist()
    [['rejected', 550, 8]]
    """
    found = of(log, hops, _why, _whys, "time", "what", "code", "enhanced_code", "reply")
    return ranked(found, ["count"], n).reset_index(drop=True)


_REASON = ["status", "enhanced_code", "code", "reason"]


def _why(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows["what"].isin(FAILED)].rename(columns={"what": "status"}).sort_values(["time", "reply"])
    rows = rows.assign(
        reason=pattern(rows["reply"]).fillna(""), enhanced_code=rows["enhanced_code"].astype("str").fillna("")
    )
    return rows.groupby(_REASON, as_index=False, dropna=False).agg(
        count=("status", "size"), first=("time", "min"), last=("time", "max"), example=("reply", "first")
    )


def _whys(found: list[pd.DataFrame]) -> pd.DataFrame:
    return (
        partwise.below(found)
        .sort_values(["first", "example"])
        .groupby(_REASON, as_index=False, dropna=False)
        .agg(count=("count", "sum"), first=("first", "min"), last=("last", "max"), example=("example", "first"))
    )


def spoken(reasons: pd.DataFrame) -> pd.Series:
    """Each reason in a line: the enhanced code, else the reply code, and the text."""
    code = reasons["enhanced_code"].where(reasons["enhanced_code"].ne(""), reasons["code"].astype("str").fillna(""))
    return (code + " " + reasons["reason"].replace("", "(no text logged)")).str.strip()
