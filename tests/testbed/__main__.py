"""Make the sample logs anew: ``python -m tests.testbed [postfix exim sendmail opensmtpd]``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from . import rig as rigs
from . import scenario, truth
from .client import Client
from .servers import SERVERS, Server
from .sink import Sink, stamp

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
PATIENCE = 150.0  # seconds to wait for an empty queue


def main() -> int:
    """Fetch each server's packages here, run it inside its namespaces, store its log and the truth."""
    parser = argparse.ArgumentParser(prog="python -m tests.testbed", description=__doc__)
    parser.add_argument("server", nargs="*", help=f"one or more of {', '.join(SERVERS)} (default: all)")
    parser.add_argument("-o", "--out", type=Path, default=SAMPLES, help="where to store them (default: data/samples)")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.server if name not in SERVERS]:
        parser.error(f"no such server: {', '.join(unknown)}; there are {', '.join(SERVERS)}")
    if options.inside:
        inside(SERVERS[options.server[0]], options.inside, options.out)
        return 0
    if why := rigs.obstacle():
        print(f"testbed: {why}", file=sys.stderr)
        return 1
    for name in options.server or SERVERS:
        with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
            if why := rigs.fetch(SERVERS[name].packages, Path(folder)):
                print(f"testbed: {name}: {why}", file=sys.stderr)
                return 1
            command = [
                sys.executable,
                "-m",
                "tests.testbed",
                name,
                "--inside",
                folder,
                "--out",
                str(options.out.resolve()),
            ]
            root = Path(__file__).resolve().parents[2]
            if subprocess.run(["unshare", *rigs.NAMESPACES, *command], check=False, cwd=root).returncode:
                print(f"testbed: {name} failed", file=sys.stderr)
                return 1
    return 0


def inside(server: Server, debs: Path, out: Path) -> None:
    """The whole run of one server, inside its namespaces."""
    rig = rigs.Rig(debs)
    sink = Sink({a: n for a, n in scenario.HOSTS.items() if a in ("127.0.0.2", "127.0.0.3")}, scenario.HOST)
    if server.log is None:
        rig.syslog()
    server.configure(rig)
    started = time.time()
    server.start(rig)
    time.sleep(2)
    plan = scenario.plan()
    sessions: list[dict] = []
    submissions: list[dict] = []
    threads = [threading.Thread(target=play, args=(lane, sessions)) for lane in plan.lanes.values()]
    threads.append(threading.Thread(target=submit, args=(rig, plan.submissions, submissions)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{server.name}: {len(sessions)} sessions in {time.time() - started:.0f} s", flush=True)
    waited = time.time()
    while (left := server.queued(rig)) and time.time() - waited < PATIENCE:
        time.sleep(1)
    time.sleep(3)
    print(f"{server.name}: queue holds {left} after {time.time() - started:.0f} s", flush=True)
    server.stop(rig)
    time.sleep(1)
    sessions.sort(key=lambda s: s["start"])
    boxes = truth.mailboxes(rig.path("/var/mail"), (*scenario.USERS, scenario.POSTMASTER), scenario.HOST)
    seen = {"connections": sink.connections, "transactions": sorted(sink.transactions, key=lambda t: t["time"])}
    record = {
        "server": server.name,
        "version": rig.packages[server.packages[0]],
        "seed": scenario.SEED,
        "host": scenario.HOST,
        "zone": "UTC",
        "start": stamp(started),
        "end": stamp(time.time()),
        "left_in_queue": left,
        "notes": list(server.notes),
        "totals": truth.totals(sessions, submissions, seen, boxes),
        "sessions": sessions,
        "submissions": submissions,
        "sink": seen["transactions"],
        "mailboxes": boxes,
    }
    log = rig.path(server.log).read_bytes() if server.log else "".join(line + "\n" for line in rig.lines).encode()
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{server.name}.log").write_bytes(log)
    (out / f"{server.name}.truth.json").write_text(dump(record), encoding="utf-8")


def play(lane: list[scenario.Session], sessions: list[dict]) -> None:
    """Sessions one after another; a harvester that was put out comes back until it is through."""
    while lane:
        session = lane.pop(0)
        time.sleep(session.pause)
        names = next((step[2] for step in session.steps if step[0] == "harvest"), [])
        before = len(names)
        sessions.append(Client(session).run())
        if 0 < len(names) < before:
            lane.insert(0, session)


def submit(rig: rigs.Rig, submissions: list[scenario.Submission], done: list[dict]) -> None:
    """Give messages to the server's sendmail command."""
    for one in submissions:
        time.sleep(one.delay)
        now = time.time()
        text = one.message.octets.replace(b"\r\n", b"\n")
        command = ("/usr/sbin/sendmail", "-i", "-f", one.sender, *one.recipients)
        output = rig.run(*command, user=one.sender.partition("@")[0], stdin=text)
        done.append(
            {
                "time": stamp(now),
                "reverse_path": one.sender,
                "recipients": one.recipients,
                "message_id": one.message.message_id,
                "octets": len(text),
                "output": output,
            }
        )


def dump(record: dict) -> str:
    """JSON that a person can read: one session, one sink transaction, one message a line."""
    parts = []
    for key, value in record.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            body = "[\n" + ",\n".join("  " + json.dumps(item, ensure_ascii=False) for item in value) + "\n ]"
        elif key == "mailboxes":
            rows = (
                f"  {json.dumps(u)}: [" + ",".join("\n   " + json.dumps(m, ensure_ascii=False) for m in box) + "]"
                for u, box in value.items()
            )
            body = "{\n" + ",\n".join(rows) + "\n }"
        else:
            body = json.dumps(value, indent=1, ensure_ascii=False).replace("\n", "\n ")
        parts.append(f" {json.dumps(key)}: {body}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
