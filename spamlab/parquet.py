"""Tables as Parquet: one file a table, one row group a part of the log."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from spamlab import tables

if TYPE_CHECKING:
    from spamlab.log import Log

MARKER = "spamlab-log.json"
"""The file that says a folder of Parquet files is a converted log, where its sources were, how many rows a part has."""

_TYPES = {
    tables.TEXT: pa.large_string(),
    tables.CATEGORY: pa.dictionary(pa.int32(), pa.large_string()),
    tables.INTEGER: pa.int64(),
    tables.COUNT: pa.int64(),
    tables.FLAG: pa.bool_(),
    tables.SECONDS: pa.float64(),
    tables.TIME: pa.timestamp("us", tz="UTC"),
    "boolean": pa.bool_(),
}


def gather(folder: Path, parts: Iterable[str]) -> None:
    """Make a folder a converted log whose parts are converted logs in folders within it, ids counted on already."""
    (folder / MARKER).write_text(json.dumps({"folders": list(parts)}, indent=1) + "\n", encoding="utf-8")


def split(source: Any) -> tuple[list[Path], Any]:
    """The converted logs among what is to be read, and the rest."""
    listed = source if isinstance(source, (list, tuple)) else [source]
    converted = [one for one in listed if isinstance(one, (str, Path)) and (Path(one) / MARKER).is_file()]
    return [Path(one) for one in converted], [one for one in listed if one not in converted] if converted else source


@functools.cache
def schema(name: str) -> pa.Schema:
    """A table's schema; it tells pandas the dtypes too."""
    plain = pa.Schema.from_pandas(tables.empty(name), preserve_index=False)
    types = {column: _TYPES[spec.dtype] for column, spec in tables.TABLES[name].items()}
    return pa.schema(types, metadata=plain.metadata)


def write(parts: Iterable[Log], folder: Path) -> dict[str, int]:
    """Write a log's parts into a folder that exists, ids counted on from part to part; how many rows each table has."""
    import pyarrow.parquet as pq  # where it is needed: reading a log is quicker to begin without

    rows: list[dict[str, int]] = []
    numbering = tables.Numbering()
    paths: dict[str, str] = {}
    with contextlib.ExitStack() as files:
        writers = {
            name: files.enter_context(pq.ParquetWriter(folder / f"{name}.parquet", schema(name), compression="zstd"))
            for name in tables.TABLES
        }
        beside = files.enter_context(ThreadPoolExecutor(1))  # a part is written while the next one is read
        last: Future[None] = beside.submit(_put, writers, {})
        for part in parts:
            given = numbering.shift(part.tables())
            rows.append({name: len(table) for name, table in given.items()})
            paths |= {name: file.where for name, file in part._files.items() if file.where}
            last.result()
            last = beside.submit(_put, writers, given)
        last.result()
    (folder / MARKER).write_text(json.dumps({"files": paths, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    return {name: sum(each[name] for each in rows) for name in tables.TABLES}


def _put(writers: dict[str, Any], given: dict[str, pd.DataFrame]) -> None:
    for name, table in given.items():
        if len(table):
            writers[name].write_table(_arrow(name, table), row_group_size=len(table))


def renumber(folder: Path, target: Path, first: dict[str, int]) -> None:
    """Write a converted log again, into a folder that exists, its ids counted on from the ``first`` of each kind."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for name, columns in tables.TABLES.items():
        with (
            pq.ParquetFile(folder / f"{name}.parquet") as given,
            pq.ParquetWriter(target / f"{name}.parquet", given.schema_arrow, compression="zstd") as writer,
        ):
            for i in range(given.num_row_groups):
                table = given.read_row_group(i)
                for column in tables.IDS.keys() & columns:
                    at = table.schema.get_field_index(column)
                    counted = pc.add(table[column], first[tables.IDS[column]])
                    table = table.set_column(at, table.schema.field(at), counted)
                writer.write_table(table, row_group_size=len(table))
    (target / MARKER).write_bytes((folder / MARKER).read_bytes())


def _arrow(name: str, table: pd.DataFrame) -> pa.Table:
    columns = []
    for field in schema(name):
        column = table[field.name]
        if pa.types.is_dictionary(field.type):
            codes = pd.array(column.cat.codes.astype("Int32").mask(column.isna()))
            words = pa.array(column.cat.categories.astype("str"), pa.large_string())
            columns.append(pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), words))
        else:
            columns.append(pa.array(column, field.type, from_pandas=True))
    return pa.Table.from_arrays(columns, schema=schema(name))
