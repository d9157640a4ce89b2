"""What compares marts with the oracle finds what is wrong."""

import unittest

import marts_check


class Differences(unittest.TestCase):
    def found(self, expected, there):
        return [(k, column) for k, column, _, _ in marts_check.differences(expected, there)]

    def test_equal_is_equal(self):
        row = dict(n=1, rate=0.5, text=None)
        self.assertEqual(self.found({("a",): row}, {("a",): row | dict(further=1)}), [])

    def test_every_kind_of_difference_is_one(self):
        row = dict(n=1, rate=0.5, effect=0.25)
        for there in (dict(n=2), dict(n=None), dict(rate=0.5000000000000001), dict(effect=0.2501), dict(effect=None)):
            self.assertEqual(self.found({("a",): row}, {("a",): row | there}), [(("a",), next(iter(there)))])
        self.assertEqual(self.found({("a",): row}, {}), [(("a",), "row")])
        self.assertEqual(self.found({}, {("a",): row}), [(("a",), "row")])
        self.assertEqual(self.found({("a",): row}, {("a",): dict(n=1, rate=0.5)}), [(("a",), "effect")])

    def test_zero_is_not_none(self):
        self.assertEqual(self.found({("a",): dict(n=0)}, {("a",): dict(n=None)}), [(("a",), "n")])

    def test_only_what_was_worked_out_another_way_may_differ_in_the_last_bits(self):
        near = 0.25 + 1e-15
        self.assertEqual(self.found({("a",): dict(effect=0.25)}, {("a",): dict(effect=near)}), [])
        self.assertEqual(self.found({("a",): dict(rate=0.25)}, {("a",): dict(rate=near)}), [(("a",), "rate")])


if __name__ == "__main__":
    unittest.main()
