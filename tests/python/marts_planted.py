"""What the emulator planted is found: the country, the product, and both campaigns.

    python tests/python/marts_planted.py LAKE TRUTH

It reads the emulator's plan, what really happened, and two marts. The country that mails its files must be the first of all
countries for OneDrive, with that pattern; the product that hardly anyone uses must be found for everybody and in every
country; the campaign that worked has an effect above zero, as large as that of what really happened; that of the one which
did not work is not told from zero, and what really happened lies in its interval. Exit code 1 where something is not so.
"""

import argparse
import datetime as dt
import pathlib
import sys

import marts_nights
import oracle as oracles
import pyarrow.parquet as pq

DAY = dt.timedelta(days=1)
# By how many people of the target the effect may miss what really happened: who is enabled is known by the last night that
# was read before the start, and who is in the segment by the end of the month before.
NEAR = 2


def rows(lake, mart):
    for path in sorted((lake / "marts" / mart).glob("tenant=*/month=*/part-0.parquet")):
        for row in pq.ParquetFile(path).read().to_pylist():
            yield row | dict(month=oracles.date(path.parent.name.removeprefix("month=")))


def really(truth, campaign, others):
    """The difference in differences of what people did, four weeks before and after."""
    start, end = oracles.date(campaign["start"]), oracles.date(campaign["end"])
    product, night = campaign["product"], start - DAY
    target, control = [], []
    for row in truth.by_day[night]:
        if not row["is_deleted"] and not row["guest"] and product in row["enabled"]:
            inside = [c for c in (campaign, *others) if row[c["attribute"]] == c["value"]]
            if campaign in inside:
                target.append(row["person_id"])
            elif not inside:
                control.append(row["person_id"])
    did = lambda person, a: any(a + n * DAY in truth.used[product, person] for n in range(28))  # noqa: E731
    change = lambda people: sum(did(p, end + DAY) - did(p, start - 28 * DAY) for p in people) / len(people)  # noqa: E731
    return change(target) - change(control)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("lake", type=pathlib.Path)
    p.add_argument("truth", type=pathlib.Path)
    a = p.parse_args()
    wrong = []

    def must(so, what):
        print(f"{'ok ' if so else 'BAD'} {what}")
        if not so:
            wrong.append(what)

    plan, truth = marts_nights.planted(a.truth), oracles.Truth(a.truth)
    opportunities = [r for r in rows(a.lake, "campaign_opportunities") if r["is_complete"]]
    months = sorted({r["month"] for r in opportunities})
    must(len(months) >= 3, f"{len(months)} complete months")
    for planted in plan:
        product = planted["product"]
        of = [r for r in opportunities if r["product"] == product]
        if planted["what"] == "mailed":
            there = [r for r in of if (r["attribute"], r["value"]) == (planted["attribute"], planted["value"])]
            found = [r for r in there if r["pattern"] == "mails_instead_of_sharing" and r["rank"] == 1]
            must(len(found) == len(there) == len(months), f"{product} in {planted['value']}: files are mailed, in {len(found)} months")
            print(f"    {found[-1]['evidence']}" if found else f"    {there}")
        elif planted["what"] == "unused":
            there = [r for r in of if r["attribute"] == "tenant"]
            found = [r for r in there if r["pattern"] == "licensed_not_used"]
            must(len(found) == len(there) == len(months), f"{product}: licensed and not used, in {len(found)} months")
            print(f"    {found[-1]['evidence']}" if found else f"    {there}")
            most = [max((r for r in opportunities if r["month"] == m and r["attribute"] == "tenant"), key=lambda r: r["people_to_gain"])["product"] for m in months]
            must(set(most) == {product}, f"{product}: more people to gain than with any other product")
            large = [r for r in of if r["attribute"] == "country" and r["value"] != "(none)" and r["enabled"] >= 20]
            must(large and all(r["pattern"] for r in large), f"{product}: found in every country with twenty people, {len(large)} rows")
        else:
            effects = [r for r in rows(a.lake, "campaign_effect") if (r["campaign"], r["product"]) == (planted["what"], product)]
            told = list(rows(a.lake, "campaign_effect"))
            others = [
                dict(attribute=o["attribute"], value=o["value"]) for o in told
                if o["campaign"] != planted["what"] and o["start_day"].isoformat() <= planted["end"]
                and o["last_day"].isoformat() >= planted["start"]
            ]
            must(len(effects) == 1 and effects[0]["is_final"], f"{planted['what']}: measured")
            if not effects or effects[0]["effect"] is None:
                continue
            e, true = effects[0], really(truth, planted, others)
            print(
                f"    {product}, {planted['value']}: {e['target_users']} people against {e['control_users']}: "
                f"{e['effect']:+.3f} [{e['effect_low']:+.3f}, {e['effect_high']:+.3f}], placebo {e['placebo_effect']}, really {true:+.3f}"
            )
            must(abs(e["effect"] - true) <= NEAR / e["target_users"], f"{planted['what']}: as large as it really was")
            if planted["what"] == "worked":
                must(e["effect_low"] > 0, "worked: above zero")
            else:
                must(e["effect_low"] <= true <= e["effect_high"], "failed: what really happened lies in the interval")
                must(e["effect_low"] <= 0 <= e["effect_high"], "failed: not told from zero")
    sys.exit(1 if wrong or not plan else 0)


if __name__ == "__main__":
    main()
