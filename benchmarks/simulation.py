"""How fast the server is simulated: ``.venv/bin/python -m benchmarks.simulation [SECONDS]``.

One long run at the default load, tables included; its log written and read; then what notebook 07 computes. The aim is
100,000 messages in less than 60 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from spamlab import simulate


def timed(name: str, make: Callable[[], Any]) -> Any:
    """Do something and print how long it took."""
    began = time.perf_counter()
    made = make()
    took = time.perf_counter() - began
    print(f"{name:<28} {took:6.2f} s", end="")
    return made


def main() -> None:
    duration = float(sys.argv[1]) if len(sys.argv) > 1 else 25_000.0
    simulate.run(duration=60)  # imports
    run = timed(f"run of {duration:,.0f} s", lambda: simulate.run(duration=duration))
    print(f"  {len(run.messages):,} messages, {len(run.jobs):,} handlings, {len(run.attempts):,} tries to send")
    part = simulate.run(duration=duration / 10)
    logs = timed("a tenth of it as log files", part.files)
    print(f"  {len(logs)} files, {sum(map(len, logs.values())):,} octets")
    log = timed("that, read back", part.log)
    print(f"  {len(log.events):,} events")
    for name in ("error_messages", "measures", "saturation", "harvest"):
        table = timed(name, getattr(simulate, name))
        print(f"  {len(table)} rows")


if __name__ == "__main__":
    main()
