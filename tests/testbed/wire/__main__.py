"""Make data/wire anew: ``python -m tests.testbed.wire`` (root, Debian; see README.md)."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .. import rig as rigs
from . import capture, hosts, talk

ROOT = Path(__file__).resolve().parents[3]
PAIRS = (("postfix", "exim"), ("exim", "sendmail"), ("sendmail", "postfix"))  # who makes the reports, who gets them
RATE = "10mbit"  # of the link: segments arrive one by one, not a window at once
COUNTS = ["segments", "acks", "control", "riding", "again", "packets", "smtp", "tcp", "ip"]
COLUMNS = ["connection", "case", "client", "server", "ip", "timestamps", "pipelining", "k", "size"]
COLUMNS += [f"{what}_{way}" for what in COUNTS for way in ("out", "in")]


def main() -> int:
    """Fetch the packages, run each pair of servers in its namespaces, store what was captured."""
    parser = argparse.ArgumentParser(prog="python -m tests.testbed.wire", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "data" / "wire")
    parser.add_argument("--quick", action="store_true", help="few cases: to see that it works")
    for hidden in ("--pair", "--inside"):
        parser.add_argument(hidden, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(*options.inside)
    if options.pair:
        return pair(*options.pair, options.out, options.quick)
    if why := rigs.obstacle():
        print(f"wire: {why}", file=sys.stderr)
        return 1
    rows: list[dict] = []
    versions: dict[str, str] = {"kernel": platform.release().split("-")[0]}
    with tempfile.TemporaryDirectory(prefix="wire-") as folder:
        for name, server in hosts.SERVERS.items():
            (debs := Path(folder) / name).mkdir()
            if why := rigs.fetch(server.packages, debs):
                print(f"wire: {name}: {why}", file=sys.stderr)
                return 1
        for maker, taker in PAIRS:
            found = Path(folder) / f"{maker}.json"
            command = [sys.executable, "-m", "tests.testbed.wire", "--pair", maker, taker, folder, "-o", str(found)]
            command += ["--quick"] * options.quick
            if subprocess.run(["unshare", "--net", *command], check=False, cwd=ROOT).returncode:
                print(f"wire: {maker} to {taker} failed", file=sys.stderr)
                return 1
            told = json.loads(found.read_text())
            rows += told["connections"]
            versions |= told["versions"]
    store(rows, versions, options.out)
    return 0


def pair(maker: str, taker: str, folder: str, out: Path, quick: bool) -> int:
    """Two hosts and the link between them: this process has a network of its own and only starts them."""
    sh("ip link add wire0 type veth peer name wire1")
    sides = {"maker": (maker, "wire0"), "taker": (taker, "wire1")}
    running = {}
    for role, (server, link) in sides.items():
        command = [sys.executable, "-m", "tests.testbed.wire", "--inside", role, server, folder]
        one = subprocess.Popen(
            ["unshare", *rigs.NAMESPACES, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert one.stdout and one.stdout.readline() == "here\n"
        sh(f"ip link set {link} netns {one.pid}")
        running[role] = one
    versions = {}
    for role, (server, link) in sides.items():
        versions[server] = ask(running[role], "start", link)
    rows = talk.play(lambda role, *what: ask(running[role], *what), maker, taker, quick)
    out.write_text(json.dumps({"connections": rows, "versions": versions}))
    for one in running.values():
        ask(one, "stop")
        one.wait(60)
    return 0


def ask(host: subprocess.Popen[str], *what: object) -> object:
    """Let a host do something, and wait."""
    assert host.stdin and host.stdout
    host.stdin.write(json.dumps(what) + "\n")
    host.stdin.flush()
    if not (line := host.stdout.readline()):
        raise RuntimeError(f"a host ended while asked for {what[0]}")
    return json.loads(line)


def inside(role: str, name: str, folder: str) -> int:
    """One host: it does what it is asked, a line each."""
    talking = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what daemons print goes elsewhere
    print("here", file=talking, flush=True)
    server = hosts.SERVERS[name](role)
    machine: dict = {}

    def start(link: str) -> str:
        v4, v6 = hosts.ADDRESSES[role]
        sh(f"ip link set {link} up; ip addr add {v4}/24 dev {link}; ip addr add {v6}/64 dev {link} nodad")
        sh(f"tc qdisc add dev {link} root tbf rate {RATE} burst 4kb latency 1s")
        Path("/proc/sys/net/ipv6/bindv6only").write_text("1")
        capture.bare(link)
        machine["seen"] = capture.Capture(link)
        machine["rig"] = rig = rigs.Rig(Path(folder) / name)
        rig.syslog()
        socket.sethostname(hosts.MAKER if role == "maker" else hosts.TAKER)
        server.configure(rig)
        rig.write("/etc/hosts", hosts.names(role))
        server.start(rig)
        time.sleep(4)
        return rig.packages[server.packages[0]]

    def timestamps(on: bool) -> None:
        Path("/proc/sys/net/ipv4/tcp_timestamps").write_text(str(int(on)))

    def say(*words: object) -> None:
        talk.session(*words)

    def submit(recipient: str, size: int) -> str:
        text = talk.message(recipient, size).replace(b"\r\n", b"\n")
        return machine["rig"].run("/usr/sbin/sendmail", "-i", "-f", "<>", recipient, stdin=text)

    def wait(least: float, most: float) -> None:
        """So long, then until the queue is empty or it has taken too long."""
        began = time.time()
        time.sleep(least)
        while server.queued(machine["rig"]) and time.time() - began < most:
            time.sleep(0.2)

    def taken() -> list:
        machine["seen"].quiet()
        return [vars(c) | {"text": None} | capture.describe(c) for c in machine["seen"].connections()]

    def stop() -> None:
        server.stop(machine["rig"])

    does = {f.__name__: f for f in (start, timestamps, say, submit, wait, taken, stop)}
    for line in sys.stdin:
        what, *words = json.loads(line)
        print(json.dumps(does[what](*words)), file=talking, flush=True)
        if what == "stop":
            break
    return 0


def sh(script: str) -> None:
    """A few commands, each of which must work."""
    subprocess.run(["sh", "-ec", script], check=True)


def store(rows: list[dict], versions: dict[str, str], out: Path) -> None:
    """The two tables, and which versions they are of."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "connections.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore", restval=0)
        table.writeheader()
        table.writerows(row | row["counts"] | {"connection": n} for n, row in enumerate(rows))
    text = io.StringIO()
    writes = csv.writer(text, lineterminator="\n")
    writes.writerow(["connection", "direction", "octets", "wait_ms"])
    for n, row in enumerate(rows):
        writes.writerows([n, direction, octets, round(1000 * wait)] for direction, octets, wait in row["writes"])
    (out / "writes.csv.gz").write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    (out / "versions.json").write_text(json.dumps(versions, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(main())
