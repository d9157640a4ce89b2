"""readers.py must find what is wrong: a good lake, and one lake for each way to break it."""

import tempfile
import unittest
from datetime import date, datetime, timezone
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

import readers

SCHEMA = pa.schema(
    [
        ("report_refresh_date", pa.date32()),
        ("user_principal_name", pa.string()),
        ("is_deleted", pa.bool_()),
        ("send_count", pa.int64()),
        ("quota", pa.float64()),
        ("last_seen", pa.timestamp("us", "UTC")),
        ("unknown_columns", pa.string()),
    ]
)
WRITE = dict(compression="snappy", version="1.0", data_page_version="1.0")


def rows(n, schema=SCHEMA, **columns):
    data = {
        "report_refresh_date": [date(2026, 11, 20)] * n,
        "user_principal_name": [f"zoë{i}@example.com" for i in range(n)],
        "is_deleted": [i % 3 == 0 for i in range(n)],
        "send_count": [None if i % 4 == 0 else i for i in range(n)],
        "quota": [i / 7 for i in range(n)],
        "last_seen": [datetime(2026, 11, 20, 1, 2, 3, i, tzinfo=timezone.utc) for i in range(n)],
        "unknown_columns": [None] * n,
    }
    return pa.table({**data, **columns}, schema=schema)


class Readers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.table = Path(folder.name) / "tables" / "email_activity_user_detail"
        self.write(rows(20), period=7, day="2026-11-19")

    def write(self, table, period, day, **options):
        folder = self.table / "tenant=contoso" / f"period={period}" / f"day={day}"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "part-0.parquet", **{**WRITE, **options})

    def faults(self):
        return " | ".join(readers.table_faults(self.table)[3])

    def assertFault(self, text):
        self.assertIn(text, self.faults())

    def test_a_good_table(self):
        self.write(rows(0), period=7, day="2026-11-20")
        self.write(rows(5), period=30, day="2026-11-20", compression="zstd")
        self.assertEqual(readers.table_faults(self.table), (3, 25, 7, []))

    def test_a_table_without_a_file(self):
        empty = self.table.parent / "empty"
        empty.mkdir()
        self.assertEqual(readers.table_faults(empty)[3], ["no file"])

    def test_columns_in_another_order(self):
        self.write(rows(3).select(list(reversed(SCHEMA.names))), period=7, day="2026-11-20")
        self.assertFault("other columns than")

    def test_a_partition_key_inside(self):
        self.write(rows(3).append_column("period", pa.array([7, 7, 7], pa.int64())), period=7, day="2026-11-20")
        self.assertFault("the partition key `period` is inside")

    def test_a_codec_that_not_all_read(self):
        self.write(rows(3), period=7, day="2026-11-20", compression="gzip")
        self.assertFault("is compressed by GZIP")

    def test_delta_encodings(self):
        encoding = {"send_count": "DELTA_BINARY_PACKED"}
        self.write(rows(3), period=7, day="2026-11-20", use_dictionary=False, column_encoding=encoding)
        self.assertFault("`send_count` is encoded as DELTA_BINARY_PACKED")

    def test_data_pages_of_version_2(self):
        self.write(rows(3), period=7, day="2026-11-20", data_page_version="2.0")
        self.assertFault("has data pages of version 2")

    def test_int96(self):
        self.write(rows(3), period=7, day="2026-11-20", use_deprecated_int96_timestamps=True)
        self.assertFault("`last_seen` is INT96")

    def test_unsigned(self):
        schema = SCHEMA.set(3, pa.field("send_count", pa.uint32()))
        self.write(rows(3, schema), period=7, day="2026-11-20", version="2.6")
        self.assertFault("`send_count` is uint32")

    def test_nested(self):
        schema = SCHEMA.set(6, pa.field("unknown_columns", pa.list_(pa.string())))
        self.write(rows(3, schema), period=7, day="2026-11-20")
        self.assertFault("is nested")

    def test_not_nullable(self):
        schema = SCHEMA.set(4, pa.field("quota", pa.float64(), nullable=False))
        self.write(rows(3, schema), period=7, day="2026-11-20")
        self.assertFault("`quota` is not nullable")

    def test_readers_that_differ(self):
        def one_more(*arguments):
            found = readers.by_polars(*arguments)
            count, total, _ = found["column", "send_count"]
            return {**found, ("column", "send_count"): (count, total + 1, None)}

        with mock.patch.dict(readers.READERS, polars=one_more):
            self.assertFault("column send_count: duckdb")


if __name__ == "__main__":
    unittest.main()
