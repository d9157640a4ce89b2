"""The attack on shared marts finds what is weak, and lets pass what is not."""

import datetime as dt
import pathlib
import tempfile
import unittest

import pyarrow as pa
import pyarrow.parquet as pq

import disclosure

MONTH = "month=2026-03-01"


def segment(value, enabled, active, attribute="department"):
    row = dict.fromkeys(disclosure.ADOPTION, 0) | dict(enabled_users=enabled, active_users=active, active_enabled_users=active)
    return {"product": "teams", "attribute": attribute, "value": value, **row, "content_date": dt.date(2026, 3, 31)}


def rounded(rows, step):
    down = lambda r: {k: v - v % step if isinstance(v, int) else v for k, v in r.items()}  # noqa: E731
    return [r for r in map(down, rows) if any(r[c] for c in disclosure.ADOPTION)]


class Attacks(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.lake = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def put(self, top, rows):
        path = self.lake / top / "adoption_by_segment" / "tenant=contoso" / MONTH / "part-0.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)

    def attacked(self, rows, step):
        """What is found of `rows`, published in multiples of `step` by who says so."""
        self.put("marts", rows)
        self.put("marts_shared", rounded(rows, step))
        a = disclosure.Attack(10)
        a.step = step
        a.read(*(disclosure.marts(self.lake / top, "contoso") for top in ("marts", "marts_shared")), protected=True)
        a.relate()
        a.narrow()
        a.conclude()
        return a

    # A small segment beside a large one, and their sum: the docs' own example.
    ROWS = [segment("all", 32, 20, "tenant"), segment("Sales", 27, 17), segment("Legal", 5, 3)]

    def test_multiples_of_the_group_are_too_fine(self):
        a = self.attacked(self.ROWS, 10)
        legal = ("adoption", "2026-03-01", "teams", "department", "Legal", "enabled_users")
        self.assertEqual((a.low[legal], a.high[legal]), (1, 9), "30 to 39 less 20 to 29, and less than 10")
        self.assertIn((("count", legal), 5, 1, 9), a.findings)

    def test_multiples_of_twice_the_group_are_not(self):
        a = self.attacked(self.ROWS, 20)
        self.assertEqual(a.findings, [])
        legal = ("adoption", "2026-03-01", "teams", "department", "Legal", "enabled_users")
        # 20 active people cannot all be in Sales, which reads fewer than 20: somebody is there, and nobody knows how few.
        self.assertEqual((a.low[legal], a.high[legal]), (1, 19))

    def test_a_part_without_another_is_looked_at(self):
        # 3 enabled people are not active: exact counts tell it, though none of them is small.
        rows = [segment("all", 43, 40, "tenant")]
        self.assertEqual(self.attacked(rows, 20).findings, [])
        whats = {f[0][0] for f in self.attacked(rows, 1).findings}
        self.assertLessEqual({"without", "difference"}, whats)

    def test_a_month_published_anew_does_not_tell_who_changed(self):
        for step, told in ((20, 0), (1, 1)):
            before = self.attacked([segment("all", 39, 30, "tenant")], step)
            after = self.attacked([segment("all", 40, 30, "tenant")], step)
            after.findings.clear()
            after.beside(before)
            self.assertEqual(len(after.findings), told, step)

    def test_cells_that_the_method_does_not_make_are_told(self):
        good = rounded(self.ROWS, 20)
        for wrong in (
            good[0] | {"enabled_users": 32},
            good[0] | {"enabled_users": 60},
            good[0] | {"people": 3},
            good[0] | {"attribute": "manager"},
            good[0] | {"active_rate": 0.625},
            segment("Legal", 0, 0),
        ):
            self.put("marts", self.ROWS)
            self.put("marts_shared", [wrong])
            truth, shown = (disclosure.marts(self.lake / top, "contoso") for top in ("marts", "marts_shared"))
            self.assertTrue(disclosure.numbers(truth, shown, 10), wrong)
        self.put("marts_shared", good)
        self.assertEqual(disclosure.numbers(truth, disclosure.marts(self.lake / "marts_shared", "contoso"), 10), [])


if __name__ == "__main__":
    unittest.main()
