"""Several means of getting columns out of the same log, each run as ``python -m benchmarks.means …``.

A means takes (format, log) and returns how many rows its columns have. It runs in a process of its own, in the
Python that has its library, so its imports are inside. What it makes stays in memory, typed: numbers as numbers,
stamps as time stamps. Two of them make the columns of spamlab's events table, value for value; the others those of
one expression a line (``benchmarks.columns``), or of the table that the log is.
"""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.columns import LAYOUTS, TYPES, names


def spamlab_read(format: str, log: str) -> int:
    """All six tables."""
    import spamlab

    return len(spamlab.read(log).events)


def spamlab_events(format: str, log: str) -> int:
    """The events alone."""
    import spamlab

    return len(spamlab.read(log, tables=["events"]).events)


def spamlab_scan(format: str, log: str) -> int:
    """The scanner alone: typed columns of all lines, no tables."""
    from spamlab.formats import load
    from spamlab.inputs import find
    from spamlab.scan import Scanner

    pieces = iter(find(log)[0].text())
    first = next(pieces)
    sample = first[: first.rfind(b"\n", 0, 1_000_000) + 1] or first
    variants = load(format.removesuffix("-json")).variants
    scanner = max(map(Scanner, variants), key=lambda one: one.run(sample).events)  # zeek's text or JSON, say
    return sum(scanner.run(piece).events for piece in chain([first], pieces))


def polars_events(format: str, log: str) -> int:
    """The events' columns, as ``benchmarks.events`` says."""
    from benchmarks.events_polars import table

    return len(table(format, log))


def duckdb_events(format: str, log: str) -> int:
    """The events' columns, as ``benchmarks.events`` says; an Arrow table."""
    from benchmarks.events_duckdb import table

    return int(table(format, log).num_rows)


def _moment(stamp: str, form: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(stamp, form)
    except ValueError:  # a message's text can look like a stamp
        return None


def re_loop(format: str, log: str) -> int:
    """One expression a line in Python: a tuple of texts for each, columns of numbers where they are numbers."""
    layout = LAYOUTS[format]
    match = re.compile(layout.expression).match
    with Path(log).open(encoding=layout.encoding, newline="\n") as lines:
        rows = [found.groups() for found in map(match, lines) if found]
    columns: dict[str, list[Any]] = dict(
        zip(re.compile(layout.expression).groupindex, zip(*rows, strict=True), strict=True)
    )
    for name in columns.keys() & TYPES.keys():
        cast = TYPES[name]
        columns[name] = [None if value is None else cast(value) for value in columns[name]]
    known = {
        stamp: _moment(layout.year + stamp, layout.time.replace("%e", "%d")) for stamp in set(columns["time"]) if stamp
    }
    columns["time"] = [known.get(stamp) for stamp in columns["time"]]
    return len(rows)


def polars(format: str, log: str) -> int:
    """``str.extract_groups``, or its CSV and JSON readers for tables."""
    import polars as pl

    layout = LAYOUTS[format]
    numbers = {int: pl.Int64, float: pl.Float64}
    if format == "zeek-json":
        return len(pl.read_ndjson(log))
    if layout.separator:
        columns = names(log, layout)
        frame = pl.scan_csv(
            log, separator=layout.separator, has_header=False, comment_prefix=layout.comment, new_columns=columns,
            quote_char=layout.quote or None, null_values="-", infer_schema=False,
        )  # fmt: skip
    else:
        extracted = pl.col("line").str.extract_groups(layout.expression)
        if layout.encoding == "utf-8":
            lines = pl.scan_lines(log, name="line")
        else:  # scan_lines refuses what is not UTF-8
            lines = pl.scan_csv(
                log, separator="\x01", has_header=False, quote_char=None, new_columns=["line"], encoding="utf8-lossy",
                infer_schema=False,
            )  # fmt: skip
        frame = lines.select(extracted.alias("line")).unnest("line")
        columns = list(re.compile(layout.expression).groupindex)
        stamp = pl.concat_str(pl.lit(layout.year), pl.col("time")).str.to_datetime(layout.time, strict=False)
        frame = frame.with_columns(stamp.alias("time"))
    casts = [pl.col(name).cast(numbers[TYPES[name]], strict=False) for name in columns if name in TYPES]
    return len(frame.with_columns(casts).collect())


def duckdb(format: str, log: str) -> int:
    """``regexp_extract`` with a list of names, or its CSV and JSON readers for tables; an Arrow table in the end."""
    import duckdb as db

    layout = LAYOUTS[format]
    numbers = {int: "BIGINT", float: "DOUBLE"}

    def cast(name: str) -> str:
        return f'TRY_CAST("{name}" AS {numbers[TYPES[name]]}) AS "{name}"' if name in TYPES else f'"{name}"'

    if format == "zeek-json":
        query = f"SELECT * FROM read_ndjson_auto('{log}')"
    elif layout.separator:
        columns = names(log, layout)
        listed = "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in columns) + "}"
        separator = layout.separator.replace("\t", "\\t")
        query = (
            f"SELECT {', '.join(map(cast, columns))} FROM read_csv('{log}', delim='{separator}', header=false, "
            f"comment='#', quote='{layout.quote}', escape='', columns={listed}, nullstr='-', auto_detect=false)"
        )
    else:
        columns = list(re.compile(layout.expression).groupindex)
        pattern = layout.expression.replace("'", "''")
        stamp = f"try_strptime('{layout.year}' || \"time\", '{layout.time.replace('%e', '%d')}') AS \"time\""
        chosen = [stamp if name == "time" else cast(name) for name in columns]
        query = (
            f"SELECT {', '.join(chosen)} FROM (SELECT unnest(regexp_extract(line, '{pattern}', {columns})) "
            f"FROM read_csv('{log}', delim='\\x01', header=false, quote='', escape='', comment='', "
            "columns={'line': 'VARCHAR'}, auto_detect=false, max_line_size=10000000, "
            f"encoding='{layout.encoding}'))"
        )
    return db.sql(query).to_arrow_table().num_rows


def pyarrow(format: str, log: str) -> int:
    """``extract_regex`` on the lines of Arrow's CSV reader; its CSV and JSON readers for tables."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    layout = LAYOUTS[format]
    if format == "zeek-json":
        from pyarrow import json as arrow_json

        return arrow_json.read_json(log).num_rows
    if layout.separator:
        raise NotImplementedError("Arrow's CSV reader knows no comments in the middle of a file")
    options = csv.ParseOptions(delimiter="\x01", quote_char=False, escape_char=False, ignore_empty_lines=False)
    lines = csv.read_csv(
        log,
        csv.ReadOptions(column_names=["line"], block_size=8 << 20, encoding=layout.encoding),
        options,
        csv.ConvertOptions(column_types={"line": pa.string()}),
    )["line"]
    made = pa.Table.from_arrays(
        pc.extract_regex(lines, layout.expression).combine_chunks().flatten(),
        names=list(re.compile(layout.expression).groupindex),
    )
    for name in set(made.column_names) & TYPES.keys():
        kind = pa.int64() if TYPES[name] is int else pa.float64()
        column = made[name]
        column = pc.if_else(pc.equal(column, ""), None, column).cast(kind)
        made = made.set_column(made.column_names.index(name), name, column)
    stamps = pc.strptime(
        pc.binary_join_element_wise(layout.year, made["time"], ""),
        layout.time.replace("%e", "%d"),
        "s",
        error_is_null=True,
    )
    return made.set_column(0, "time", stamps).num_rows


def pandas(format: str, log: str) -> int:
    """``Series.str.extract``, the text in Arrow; ``read_csv`` and ``read_json`` for tables."""
    import pandas as pd

    layout = LAYOUTS[format]
    if format == "zeek-json":
        return len(pd.read_json(log, lines=True, convert_dates=False))
    if layout.separator:
        columns = names(log, layout)
        quoting = 0 if layout.quote else 3
        frame = pd.read_csv(
            log,
            sep=layout.separator,
            names=columns,
            comment="#",
            quoting=quoting,
            na_values="-",
            dtype="str",
            index_col=False,
        )
    else:
        with Path(log).open(encoding=layout.encoding, newline="\n") as text:
            lines = pd.Series(text.read().split("\n")[:-1], dtype="str")
        frame = lines.str.extract(layout.expression)
        frame["time"] = pd.to_datetime(
            layout.year + frame["time"], format=layout.time.replace("%e", "%d"), errors="coerce"
        )
    for name in frame.columns.intersection(list(TYPES)):
        frame[name] = pd.to_numeric(frame[name], errors="coerce")
    return len(frame)


def zat(format: str, log: str) -> int:
    """Zeek Analysis Tools: a data frame of Zeek's own log."""
    if format == "zeek-json":
        from zat.json_log_to_dataframe import JSONLogToDataFrame as Reader
    else:
        from zat.log_to_dataframe import LogToDataFrame as Reader
    return len(Reader().create_dataframe(log))


MEANS: dict[str, Callable[[str, str], int]] = {
    "spamlab.read": spamlab_read,
    "spamlab events": spamlab_events,
    "spamlab scan": spamlab_scan,
    "polars events": polars_events,
    "duckdb events": duckdb_events,
    "re loop": re_loop,
    "polars": polars,
    "duckdb": duckdb,
    "pyarrow": pyarrow,
    "pandas": pandas,
    "zat": zat,
}


if __name__ == "__main__":
    print(json.dumps({"rows": MEANS[sys.argv[1]](*sys.argv[2:])}))
