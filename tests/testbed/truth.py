"""What happened, from the client's side, the sink's side and the mailboxes; never from the server's log."""

from __future__ import annotations

import mailbox
from collections import Counter
from pathlib import Path

from .scenario import POSTMASTER
from .sink import describe


def mailboxes(folder: Path, users: tuple[str, ...], host: str) -> dict[str, list[dict]]:
    """The messages in each user's mbox."""
    found: dict[str, list[dict]] = {}
    for user in users:
        path = folder / user
        box = mailbox.mbox(path, create=False) if path.exists() else []
        found[user] = []
        for message in box:
            sender = message.get_from().split(" ")[0]
            entry = describe(message.as_bytes(), host)
            found[user].append({"from_line": sender, **entry})
    return found


def totals(sessions: list[dict], submissions: list[dict], sink: dict, boxes: dict[str, list[dict]]) -> dict:
    """What the log must show; README.md says what each means."""
    transactions = [t for s in sessions for t in s["transactions"]]
    rcpts = [r for t in transactions for r in t["recipients"]]
    taken = [t for t in transactions if t.get("data_code") == 250]
    refused: Counter[str] = Counter()
    for session in sessions:
        refused.update(session["refused"])
    at_sink = sink["transactions"]
    good = [t for t in at_sink if t.get("data_code") == 250]
    verdicts = [(t, r) for t in at_sink for r in t["recipients"]]
    boxed = [m for box in boxes.values() for m in box]
    own = {m["message_id"] for m in (*taken, *submissions)}
    senders = {t["reverse_path"] for t in taken} | {s["reverse_path"] for s in submissions}
    reports = [t for t in at_sink if t["null_sender"] and any(r["forward_path"] in senders for r in t["recipients"])]
    reports_taken = [t for t in reports if t.get("data_code") == 250]
    fates = {
        (t.get("message_id"), r["forward_path"])
        for t in at_sink
        for r in t["recipients"]
        if r["code"] == 250 and t.get("data_code") in (250, 554)
    }
    refused_paths = {r["forward_path"] for _, r in verdicts if r["code"] in (550, 552)}
    fates |= {(i, path) for i, path in _remote(taken, submissions) if path in refused_paths}
    return {
        "sessions": len(sessions),
        "ended": dict(Counter(s["ended"].split(":")[0] for s in sessions)),
        "commands": sum(sum(s["commands"].values()) for s in sessions),
        "commands_met_by_421": dict(Counter(s["met_by_421"] for s in sessions if "met_by_421" in s)),
        "resets": sum(s["resets"] for s in sessions),
        "tls_sessions": sum(s["tls"] for s in sessions),
        "auth_failures": sum(s.get("auth", {}).get("failures", 0) for s in sessions),
        "auth_successes": sum(s.get("auth", {}).get("successes", 0) for s in sessions),
        "mail_commands": sum(s["commands"].get("MAIL", 0) for s in sessions),
        "transactions_with_recipients": sum(
            any(r["code"] in (250, 251) for r in t["recipients"]) for t in transactions
        ),
        "accepted": len(taken),
        "accepted_octets": sum(t["octets_sent"] for t in taken),
        "accepted_null_sender": sum(not t["reverse_path"] for t in taken),
        "submitted": len(submissions),
        "refused": dict(refused),
        "refused_recipients": dict(Counter(str(r["code"]) for r in rcpts if r["code"] and r["code"] >= 400)),
        "accepted_recipients": sum(r["code"] in (250, 251) for r in rcpts),
        "sink_connections": sink["connections"],
        "sink_deliveries": len(
            {(t["message_id"], r["forward_path"]) for t in good for r in t["recipients"] if r["code"] == 250}
        ),
        "sink_messages": len(good),
        "mailbox_deliveries": len(boxed),
        "sink_deferrals": {
            "rcpt": sum(r["code"] in (451, 421) for _, r in verdicts),
            "data": sum(r["code"] == 250 for t, r in verdicts if t.get("data_code") == 451),
            "dropped": sum(r["code"] in (None, 250) for t, r in verdicts if str(t.get("ended")).startswith("dropped")),
        },
        "sink_refusals": {
            "rcpt": sum(r["code"] in (550, 552) for _, r in verdicts),
            "data": sum(r["code"] == 250 for t, r in verdicts if t.get("data_code") == 554),
        },
        "sink_null_sender": sum(t["null_sender"] for t in at_sink),
        "reports_to_sink": {
            "accepted": dict(Counter("+".join(t["actions"]) if t["is_report"] else "?" for t in reports_taken)),
            "refused": len({r["forward_path"] for t in reports for r in t["recipients"] if r["code"] in (550, 552)}),
        },
        "reports_to_mailboxes": dict(
            Counter(f"{user}: {'+'.join(m['actions'])}" for user, box in boxes.items() for m in box if m["is_report"])
        ),
        "ndrs": sum(t["is_report"] and t["actions"] == ["failed"] for t in reports_taken)
        + len({r["forward_path"] for t in reports for r in t["recipients"] if r["code"] in (550, 552)})
        + sum(
            m["is_report"] and m["actions"] == ["failed"]
            for user, box in boxes.items()
            if user != POSTMASTER
            for m in box
        ),
        "notices_to_postmaster": {
            "reports": sum(m["is_report"] for m in boxes[POSTMASTER]),
            "other": sum(m["message_id"] not in own and not m["is_report"] for m in boxes[POSTMASTER]),
        },
        "double_bounces": len(
            {r["forward_path"] for t in at_sink if t["null_sender"] for r in t["recipients"] if r["code"] in (550, 552)}
        ),
        "given_up": len(_remote(taken, submissions) - fates),
    }


def _remote(taken: list[dict], submissions: list[dict]) -> set[tuple[str, str]]:
    """(Message-ID, recipient) of what the server took for other hosts. Each such recipient is of one message only."""
    pairs = {(t["message_id"], r["forward_path"]) for t in taken for r in t["recipients"] if r["code"] in (250, 251)}
    pairs |= {(s["message_id"], path) for s in submissions for path in s["recipients"]}
    return {(i, path) for i, path in pairs if not path.endswith("@example.com")}
