"""The command line: ``spamlab report | convert | summary | trace | formats``.

Exit codes: 0 done, 1 nothing could be read (or written), 2 usage, 130 interrupted. Errors are one line on
stderr. What a log holds is printed with its control characters spelt out.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import spamlab
from spamlab import clock
from spamlab.safe import printable, shorten

if TYPE_CHECKING:
    import pandas as pd

    from spamlab.log import Log

FIGURES = ("svg", "png", "pdf")

EXAMPLES = """\
examples:
  spamlab summary /var/log/mail.log*
  spamlab trace alice@example.com /var/log/mail.log
  spamlab report /var/log/mail.log* -o my-report --tz Europe/Berlin

`spamlab COMMAND --help` tells the options of each."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments
        Without the program's name; ``None`` takes them from ``sys.argv``.

    Examples
    --------
    >>> main(["formats"])  # doctest: +ELLIPSIS
    exchange55...
    0
    """
    for stream in (sys.stdout, sys.stderr):
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="backslashreplace")
    try:
        chosen = _parser().parse_args(arguments)
        with _plain_warnings():
            chosen.run(chosen)
            sys.stdout.flush()
    except SystemExit as leaving:  # argparse has said why
        return int(leaving.code or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left: `spamlab trace … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("SPAMLAB_DEBUG"):
            raise
        say("error", _reason(error))
        return 2 if type(error).__name__ == "NotOurs" else 1
    return 0


def say(what: str, message: object) -> None:
    """Write one line to stderr: ``spamlab: error: …``."""
    with contextlib.suppress(OSError):
        print(f"spamlab: {what}: {printable(' '.join(str(message).split()))}", file=sys.stderr)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    if isinstance(error, (OSError, ValueError, RuntimeError)) and str(error):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory"
    return f"{type(error).__name__}: {error} (a fault of spamlab's; SPAMLAB_DEBUG=1 shows where)"


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show a ``ReadWarning`` as one line; other warnings are for developers."""
    from spamlab.errors import ReadWarning

    with warnings.catch_warnings():
        warnings.simplefilter("always", ReadWarning)
        warnings.showwarning = lambda message, category, *_, **__: (
            say("warning", message) if issubclass(category, ReadWarning) else None
        )
        yield


# -- the commands ------------------------------------------------------------------------------------------


def _report(chosen: argparse.Namespace) -> None:
    from spamlab import report

    _ordered(chosen)
    page = report.build(
        _sources(chosen),
        chosen.output,
        figures=chosen.figures,
        since=_localized(chosen.since, chosen.tz),
        until=_localized(chosen.until, chosen.tz),
        progress=sys.stderr.isatty(),
        **_read_options(chosen),
    )
    print(f"The report: {printable(page)}\nIts tables: {printable(page.parent / 'tables')} (a log to all commands)")


def _convert(chosen: argparse.Namespace) -> None:
    from spamlab import atomic, parquet

    atomic.check(chosen.output)  # before a long read
    if chosen.scheduler:
        rows = _on_cluster(chosen)
    else:
        parts = _parts(chosen)
        first = next(parts)  # where nothing can be read, nothing is begun
        with atomic.folder(chosen.output) as build:
            rows = parquet.write(itertools.chain([first], parts), build)
    print(f"{rows['events']:,} events, {rows['unparsed']:,} unparsed lines: {printable(chosen.output)}")


def _on_cluster(chosen: argparse.Namespace) -> dict[str, int]:
    from spamlab import atomic

    try:
        from distributed import Client

        from spamlab import cluster
    except ImportError as error:
        raise RuntimeError(f"--scheduler takes Dask: pip install 'spamlab[cluster]' ({error})") from error
    with Client(chosen.scheduler) as client:
        log = cluster.read(_sources(chosen), scheduler=client, progress=sys.stderr.isatty(), **_read_options(chosen))
        with atomic.folder(chosen.output) as build:
            return cluster.write(log, build)


def _summary(chosen: argparse.Namespace) -> None:
    from spamlab import stream, unusual
    from spamlab.summary import Summary

    _ordered(chosen)
    twice = _lies_still(chosen.logs)
    summary = Summary(chosen.hops, who=not twice)
    times = _localized(chosen.since, chosen.tz), _localized(chosen.until, chosen.tz)
    for part in stream.between(_parts(chosen, text=not twice), *times):
        summary.add(part)
    if twice and unusual.suspects(summary.unusual):
        with warnings.catch_warnings(action="ignore"):  # they have been said
            summary.unusual = unusual.Counts()
            for part in stream.between(_parts(chosen), *times):  # the lines' text names who was refused
                summary.unusual.add(part)
    if chosen.json:
        import json

        print(json.dumps(summary.totals() | {"unusual": unusual.told(summary.unusual)}, indent=2))
    else:
        print(summary.text(zone=chosen.tz))


def _lies_still(logs: list[str]) -> bool:
    """Whether a log can be read twice."""
    return "-" not in logs and not any(Path(log).is_fifo() or Path(log).is_char_device() for log in logs)


def _trace(chosen: argparse.Namespace) -> None:
    log = _read(chosen)
    events, zone = log.trace(chosen.what), clock.zone(log.sources, chosen.tz)
    if events.empty:
        say("note", f"nothing is logged about {chosen.what}")
    for row in events.itertuples():
        place = f"{Path(str(row.source)).name}:{row.line}"
        arrow = {"sent": ">", "received": "<"}.get(str(row.direction), " ")
        print(printable(f"{_time(row.time, zone)}  {place:24}  {row.kind:10} {arrow} {row.text}"))


def _formats(chosen: argparse.Namespace) -> None:
    if not sys.stdout.isatty():  # a program wants the names
        print("\n".join(spamlab.formats()))
        return
    for name in spamlab.formats():
        about, example = _about(name)
        print(printable(f"{name:12}{about}"))
        if example:
            print(printable(f"{'':14}{shorten(example, 104)}"))


def _about(name: str) -> tuple[str, str]:
    """What a format's module says of itself: of what server which files are, and a line of one, if it shows one."""
    from importlib import import_module
    from importlib.metadata import entry_points

    from spamlab.formats import BUILT_IN

    try:
        module = BUILT_IN.get(name) or next(iter(entry_points(group="spamlab.formats", name=name))).module
        said = (import_module(module).__doc__ or "").replace("``", "").expandtabs(1).strip().splitlines()
    except Exception as error:  # someone else's code
        return f"cannot be loaded: {error}", ""
    example = next((line.strip() for line in said[1:] if line.startswith("    ") and line[4] != "#"), "")
    return (said[0] if said else ""), example


def _time(time: Any, zone: str) -> str:
    return "-" * 25 if time is None or time != time else clock.stamp(time, zone)  # NaT is not itself


# -- what they share ---------------------------------------------------------------------------------------


def _sources(chosen: argparse.Namespace) -> Any:
    sources = [sys.stdin.buffer if log == "-" else log for log in chosen.logs]
    return sources[0] if len(sources) == 1 else sources


def _read_options(chosen: argparse.Namespace) -> dict[str, Any]:
    asked = {name: getattr(chosen, name) for name in ("format", "tz", "year", "dayfirst")}
    return {name: value for name, value in asked.items() if value is not None}


def _read(chosen: argparse.Namespace) -> Log:
    return spamlab.read(_sources(chosen), progress=sys.stderr.isatty(), **_read_options(chosen))


def _parts(chosen: argparse.Namespace, text: bool = True) -> Iterator[Log]:
    """The log in parts: its size does not matter."""
    from spamlab import stream

    return stream.parts(_sources(chosen), text=text, progress=sys.stderr.isatty(), **_read_options(chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spamlab", description="SMTP logs as tables, figures and a report.", epilog=EXAMPLES, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"spamlab {spamlab.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        made.set_defaults(run=run, since=None, until=None)
        return made

    report = command("report", _report, "run the notebooks on LOG: an HTML report, figures, tables")
    _add_logs(report)
    _add_output(report)
    report.add_argument(
        "--figures",
        type=_kinds,
        default=("svg", "png"),
        metavar="KINDS",
        help="comma-separated: svg, png, pdf (default: svg,png)",
    )
    _add_span(report)

    convert = command("convert", _convert, "write the tables as Parquet, in bounded memory")
    _add_logs(convert)
    _add_output(convert)
    convert.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that does it; its workers have to share LOG and DIR"
    )

    summary = command("summary", _summary, "print totals, who and why, on one screen")
    _add_logs(summary)
    summary.add_argument("--json", action="store_true", help="as JSON")
    summary.add_argument("--hops", action="store_true", help="count a message at every hop, as pflogsumm does")
    _add_span(summary)

    trace = command("trace", _trace, "print everything logged about a message, address, account or host")
    trace.add_argument("what", metavar="WHAT", help="queue id, message id, address, account or host")
    _add_logs(trace)

    command(
        "formats", _formats, "list the known log formats (on a terminal: of which server, which files, a line of one)"
    )
    return parser


def _add_logs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("logs", nargs="+", metavar="LOG", help="file, folder, glob, Parquet folder; - is stdin")
    parser.add_argument("--format", type=_known_format, help="the log's format (default: recognised)")
    parser.add_argument(
        "--tz", type=_zone, metavar="ZONE",
        help="time zone of stamps that state none, and of the times that are shown (default: UTC)",
    )  # fmt: skip
    parser.add_argument("--year", type=_year, metavar="YEAR", help="year of the first line, of logs that state none")
    parser.add_argument("--dayfirst", action=argparse.BooleanOptionalAction, help="dates have the day before the month")


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write, replaced as a whole"
    )


def _add_span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since", type=_moment, metavar="T", help="from this time (2026-03-11T14:00), in the zone of --tz"
    )
    parser.add_argument("--until", type=_moment, metavar="T", help="up to this time, not included")


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(kind.strip() for kind in text.lower().split(",")))
    if unknown := [kind for kind in kinds if kind not in FIGURES]:
        raise argparse.ArgumentTypeError(f"unknown kind {unknown[0]!r}; there are {', '.join(FIGURES)}")
    return kinds


def _known_format(text: str) -> str:
    if text not in (known := spamlab.formats()):
        raise argparse.ArgumentTypeError(f"unknown format {text!r}; there are {', '.join(known)}")
    return text


def _zone(text: str) -> str:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise argparse.ArgumentTypeError(f"unknown time zone {text!r}; write Europe/Paris or UTC") from None
    return text


def _moment(text: str) -> pd.Timestamp:
    import pandas as pd

    moment = pd.to_datetime(text, errors="coerce")
    if pd.isna(moment):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 2003-11-11T14:00")
    return pd.Timestamp(moment)


def _year(text: str) -> int:
    if not re.fullmatch(r"(19|20)\d\d", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a year; write 2003")
    return int(text)


def _ordered(chosen: argparse.Namespace) -> None:
    """Refuse a span that cannot hold anything, before a long read."""
    since, until = (_localized(moment, chosen.tz) for moment in (chosen.since, chosen.until))
    if since is not None and until is not None and since > until:
        say("error", f"--since {since:%Y-%m-%dT%H:%M:%S} is after --until {until:%Y-%m-%dT%H:%M:%S}")
        raise SystemExit(2)


def _localized(moment: pd.Timestamp | None, zone: str | None) -> pd.Timestamp | None:
    if moment is None or moment.tzinfo:
        return moment
    return moment.tz_localize(zone or "UTC", ambiguous=True, nonexistent="shift_forward")
