#!/usr/bin/env python3
"""Have DuckDB, Polars and pyarrow read every table of a lake, and hold its files to the rules for Parquet.

usage: readers.py LAKE        (tables/, marts/ and marts_shared/ are read, where they are)

LAKE is a folder, or az://CONTAINER/PREFIX in the Azurite that USAGELAKE_TEST_AZURITE names: there each reader goes to the store
by itself, DuckDB by way of fsspec.

Per table, as hive partitions: the three agree on the rows, on the rows of every partition value, and for every column on
how many cells are not null and on what they add up to (numbers: the sum; yes or no: the yeses; days and instants: the
first and the last; text: the characters). Every file of a table has the same columns in the same order, none of them a
partition key, and keeps to what every consumer reads: see `file_faults`. A line for each table; exit 1 where one is wrong."""

import argparse
import math
import os
import sys
import urllib.parse
from pathlib import Path, PurePosixPath

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))
import azurite  # noqa: E402

CODECS = {"SNAPPY", "ZSTD"}
ENCODINGS = {"PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE", "BIT_PACKED"}
ARROW_TYPES = {pa.bool_(), pa.int32(), pa.int64(), pa.float64(), pa.date32(), pa.string(), pa.timestamp("us", "UTC")}
# A page header begins with its type, in Thrift's compact protocol: field 1, an i32, then the number in zigzag. 0 is a
# data page of version 1; one of version 2 has 6 there.
DATA_PAGE_V1 = b"\x15\x00"


class Disk:
    """Lakes in a folder."""

    scheme, options, store = "", None, pyarrow.fs.LocalFileSystem()

    def duckdb(self):
        return duckdb.connect()


class Azurite:
    """Lakes in a container, as each reader gets at them. Paths begin with the container."""

    scheme = "az://"

    def __init__(self, address):
        at = urllib.parse.urlsplit(address)
        self.address = address
        self.options = {"azure_storage_use_emulator": "true"}
        os.environ["AZURITE_BLOB_STORAGE_URL"] = f"{at.scheme}://{at.netloc}"
        where = {f"{service}_storage_authority": at.netloc for service in ("blob", "dfs")}
        how = {f"{service}_storage_scheme": at.scheme for service in ("blob", "dfs")}
        self.store = pyarrow.fs.AzureFileSystem(azurite.ACCOUNT, account_key=azurite.KEY, **where, **how)

    def duckdb(self):
        # Its own extension for Azure is in no package registry.
        import adlfs

        known = f"DefaultEndpointsProtocol=http;AccountName={azurite.ACCOUNT};AccountKey={azurite.KEY};BlobEndpoint={self.address};"
        db = duckdb.connect()
        db.register_filesystem(adlfs.AzureBlobFileSystem(connection_string=known))
        return db


DISK = Disk()


def partition_keys(file, table):
    """The keys in the folders between a table and its file: {'tenant': 'contoso', …}."""
    return dict(part.split("=", 1) for part in file.relative_to(table).parts[:-1])


def file_faults(raw, keys):
    """What an open file does that some reader does not understand."""
    faults = set()
    parquet = pq.ParquetFile(raw)
    meta, schema = parquet.metadata, parquet.schema_arrow
    if meta.format_version != "1.0":
        faults.add(f"format version {meta.format_version}")
    for name in keys:
        if name in schema.names:
            faults.add(f"the partition key `{name}` is inside")
    lower = [name.lower() for name in schema.names]
    faults.update(f"`{name}` is there twice but for its case" for name in lower if lower.count(name) > 1)
    for field in schema:
        if field.type not in ARROW_TYPES:
            faults.add(f"`{field.name}` is {field.type}")
    for column in meta.schema:
        name = column.path
        if column.max_repetition_level or "." in name:
            faults.add(f"`{name}` is nested")
        if column.max_definition_level != 1:
            faults.add(f"`{name}` is not nullable")
        # pyarrow hides INT96 behind a timestamp.
        if column.physical_type == "INT96":
            faults.add(f"`{name}` is INT96")
    for group in range(meta.num_row_groups):
        for i in range(meta.num_columns):
            chunk = meta.row_group(group).column(i)
            name = chunk.path_in_schema
            if chunk.compression not in CODECS:
                faults.add(f"`{name}` is compressed by {chunk.compression}")
            for encoding in set(chunk.encodings) - ENCODINGS:
                faults.add(f"`{name}` is encoded as {encoding}")
            if chunk.data_page_offset:
                raw.seek(chunk.data_page_offset)
                if raw.read(2) != DATA_PAGE_V1:
                    faults.add(f"`{name}` has data pages of version 2")
    return faults


def kind(arrow_type):
    if pa.types.is_boolean(arrow_type) or pa.types.is_integer(arrow_type) or pa.types.is_floating(arrow_type):
        return "number"
    if pa.types.is_date(arrow_type):
        return "day"
    if pa.types.is_timestamp(arrow_type):
        return "instant"
    return "text"


# Each reader answers {'rows': n, ('partition', key): {value: rows}, ('column', name): (not null, figure, figure)}.
# Days come back as text, instants as microseconds, so that one reader's types are comparable with another's.


def by_duckdb(place, table, columns, keys):
    db = place.duckdb()
    db.execute("SET TimeZone = 'UTC'")
    files = f"{place.scheme}{table}/**/*.parquet"
    db.execute(f"CREATE TABLE source AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)")
    figures = {
        "number": "sum({0}::{1}), NULL",
        "day": "min({0})::VARCHAR, max({0})::VARCHAR",
        "instant": "epoch_us(min({0})), epoch_us(max({0}))",
        "text": "sum(length({0})), NULL",
    }
    found = {"rows": db.execute("SELECT count(*) FROM source").fetchone()[0]}
    for key in keys:
        rows = db.execute(f"SELECT {key}::VARCHAR, count(*) FROM source GROUP BY ALL").fetchall()
        found["partition", key] = dict(rows)
    for name, arrow_type in columns.items():
        wide = "DOUBLE" if pa.types.is_floating(arrow_type) else "HUGEINT"
        query = f'count("{name}"), ' + figures[kind(arrow_type)].format(f'"{name}"', wide)
        found["column", name] = db.execute(f"SELECT {query} FROM source").fetchone()
    return found


def by_polars(place, table, columns, keys):
    files = f"{place.scheme}{table}/**/*.parquet"
    frame = pl.read_parquet(files, hive_partitioning=True, storage_options=place.options)
    found = {"rows": frame.height}
    for key in keys:
        found["partition", key] = {str(value): rows for value, rows in frame.group_by(key).len().iter_rows()}
    for name, arrow_type in columns.items():
        cells = frame[name]
        match kind(arrow_type):
            case "number":
                figures = cells.sum(), None
            case "day":
                figures = cells.cast(pl.String).min(), cells.cast(pl.String).max()
            case "instant":
                figures = cells.dt.epoch("us").min(), cells.dt.epoch("us").max()
            case _:
                figures = cells.str.len_chars().sum(), None
        found["column", name] = (cells.count(), *figures)
    return found


def by_pyarrow(place, table, columns, keys):
    read = dict(format="parquet", partitioning="hive", exclude_invalid_files=False)
    frame = ds.dataset(str(table), filesystem=place.store, **read).to_table()
    found = {"rows": frame.num_rows}
    for key in keys:
        counts = pc.value_counts(frame[key].cast(pa.string()))
        found["partition", key] = {entry["values"]: entry["counts"] for entry in counts.to_pylist()}
    for name, arrow_type in columns.items():
        cells = frame[name]
        match kind(arrow_type):
            case "number":
                figures = pc.sum(cells).as_py(), None
            case "day":
                figures = tuple(pc.min_max(cells.cast(pa.string())).as_py().values())
            case "instant":
                figures = tuple(pc.min_max(cells.cast(pa.int64())).as_py().values())
            case _:
                figures = pc.sum(pc.utf8_length(cells)).as_py(), None
        found["column", name] = (len(cells) - cells.null_count, *figures)
    return found


READERS = {"duckdb": by_duckdb, "polars": by_polars, "pyarrow": by_pyarrow}


def same(a, b):
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if a is None or b is None:
        # The sum of no number is nothing to one reader and 0 to another; how many there are is compared before.
        return not a and not b
    if isinstance(a, float) or isinstance(b, float):
        # Each adds in an order of its own.
        return math.isclose(a, b, rel_tol=1e-9)
    return a == b


def agree(a, b):
    return a == b if isinstance(a, dict) else same(a, b)


def table_faults(table, place=DISK):
    """(files, rows, columns, faults) of one table."""
    found = place.store.get_file_info(pyarrow.fs.FileSelector(str(table), recursive=True))
    files = sorted(PurePosixPath(file.path) for file in found if file.path.endswith(".parquet"))
    if not files:
        return 0, 0, 0, ["no file"]
    keys = list(partition_keys(files[0], table))
    faults = []
    first = None
    for file in files:
        where = file.relative_to(table)
        if list(partition_keys(file, table)) != keys:
            faults.append(f"{where}: other partition keys than {keys}")
        with place.store.open_input_file(str(file)) as raw:
            schema = pq.read_schema(raw).remove_metadata()
            worse = file_faults(raw, keys)
        first = first or schema
        if not schema.equals(first):
            faults.append(f"{where}: other columns than {files[0].relative_to(table)}: {difference(first, schema)}")
        faults += [f"{where}: {fault}" for fault in sorted(worse)]
    columns = dict(zip(first.names, first.types))
    if faults:
        # Readers would only repeat what the files say.
        return len(files), 0, len(columns), faults
    answers = {}
    for reader, read in READERS.items():
        try:
            answers[reader] = read(place, table, columns, keys)
        except Exception as e:  # what a reader throws is its own; none may throw
            faults.append(f"{reader} does not read it: {type(e).__name__}: {e}")
    names = list(answers)
    for what in answers[names[0]] if len(names) > 1 else ():
        said = {reader: answers[reader][what] for reader in names}
        if not all(agree(said[names[0]], said[other]) for other in names[1:]):
            about = what if isinstance(what, str) else " ".join(what)
            faults.append(f"{about}: " + ", ".join(f"{reader} {value}" for reader, value in said.items()))
    return len(files), answers[names[0]]["rows"] if names else 0, len(columns), faults


def difference(a, b):
    pairs = [(x, y) for x, y in zip(a, b) if not x.equals(y)]
    if pairs:
        return f"`{pairs[0][0].name} {pairs[0][0].type}` became `{pairs[0][1].name} {pairs[0][1].type}`"
    return f"{len(a)} columns became {len(b)}"


def tables(lake, place):
    """The name and the folder of each table."""
    for section in ("tables", "marts", "marts_shared"):
        found = place.store.get_file_info(pyarrow.fs.FileSelector(f"{lake}/{section}", allow_not_found=True))
        folders = sorted(PurePosixPath(f.path) for f in found if f.type == pyarrow.fs.FileType.Directory)
        for folder in folders:
            if (section, folder.name) != ("marts_shared", "manifest"):
                yield folder.name if section == "tables" else f"{section}/{folder.name}", folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake")
    lake = parser.parse_args().lake
    place = Azurite(os.environ["USAGELAKE_TEST_AZURITE"]) if lake.startswith(Azurite.scheme) else DISK
    good, bad = 0, 0
    for name, table in tables(lake.removeprefix(place.scheme), place):
        files, rows, columns, faults = table_faults(table, place)
        print(f"{'DIFF' if faults else 'ok  '} {name}: {files} files, {rows} rows, {columns} columns")
        # The first few say what is wrong; a table of a year would repeat it for every file.
        for fault in faults[:5]:
            print(f"       {fault}")
        if len(faults) > 5:
            print(f"       and {len(faults) - 5} more")
        good, bad = good + (not faults), bad + bool(faults)
    print(f"{good} tables read alike by {', '.join(READERS)}, {bad} do not")
    sys.exit(1 if bad or not good else 0)


if __name__ == "__main__":
    main()
