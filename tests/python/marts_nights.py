"""An emulated tenant over months, night after night, with the marts that the nights build.

    python tests/python/marts_nights.py BINARY OUT [--users N] [--months N] [--seed N] [--models DIR]

Leaves OUT/lake, OUT/truth and OUT/pipeline.toml: what `marts_check.py` and `marts_run.py` read. Two nights a month, one of
them on the 2nd: it reads the last day of the month before as Graph finally has it. Only the reports that the models read are
asked for. Every fifth night builds the marts, and the last one: from what the one before left. Beside the two campaigns
that the emulator plants, the pipeline tells of some that never were. Exits 1 where a night did not end with 0, or where a
last `usagelake marts` still found anything to do.
"""

import argparse
import csv
import datetime as dt
import json
import pathlib
import subprocess
import sys
import time

import marts_run
import night

END = dt.date.fromisoformat(night.TODAY)
NIGHTS = (2, 17)
BUILDS = 5
DAY = dt.timedelta(days=1)

TOLD = """
[reports]
include = {reports}

[marts]
build = {build}
{models}targets = {{ teams = 0.9 }}

[prices]
SPE_E5 = {{ month = 54.8, currency = "EUR" }}
Microsoft_365_Copilot = {{ month = 28.1 }}
"""

CAMPAIGN = """
[[campaigns]]
name = "{name}"
products = {products}
attribute = "{attribute}"
value = "{value}"
start = "{start}"
end = "{end}"
"""


def reports():
    """The functions whose tables the models read."""
    tables, models = marts_run.catalog_documents(), marts_run.contracts()
    read = {i["name"] for c in models for i in c.inputs}
    asked = {n: doc for n, doc in tables.items() if n in read and doc.get("default", True)}
    return sorted(doc["function"] for doc in asked.values() if "function" in doc)


def nights(months):
    """The days on which usagelake runs: in each month up to END."""
    first = marts_run.plus_months(END.replace(day=1), 1 - months)
    days = [m.replace(day=d) for n in range(months) for m in [marts_run.plus_months(first, n)] for d in NIGHTS]
    return [d for d in days if d < END] + [END]


def planted(truth):
    with (truth / "planted.csv").open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def campaigns(truth, first_night):
    """Those that were planted, and some that were not: over everything, over one place, and one that has just begun."""
    rows = [
        dict(name=r["what"], products=[r["product"]], attribute=r["attribute"], value=r["value"], start=r["start"], end=r["end"])
        for r in planted(truth) if r["start"]
    ]
    after = lambda n: (first_night + n * DAY).isoformat()  # noqa: E731
    rows.append(dict(name="early", products=["teams", "exchange"], attribute="country", value="Germany", start=after(66), end=after(72)))
    rows.append(dict(name="too early", products=["microsoft365"], attribute="department", value="Sales", start=after(20), end=after(40)))
    last = (END - 20 * DAY).isoformat()
    rows.append(dict(name="running", products=["sharepoint"], attribute="employee_type", value="Employee", start=last, end=END.isoformat()))
    return "".join(CAMPAIGN.format(**r | dict(products=json.dumps(r["products"]))) for r in rows)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("binary")
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--users", type=int, default=200)
    p.add_argument("--months", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--models", type=pathlib.Path, help="a folder of models instead of those in the binary")
    a = p.parse_args()
    all_nights = nights(a.months)
    days = (END - all_nights[0]).days + 8
    begun = time.monotonic()
    with night.Emulator(a.binary, a.users, days, a.seed, END, a.out / "truth"):
        pass
    print(f"the truth took {time.monotonic() - begun:.1f} s")
    models = f'models = "{a.models.resolve()}"\n' if a.models else ""
    asked, ran = json.dumps(reports()), campaigns(a.out / "truth", all_nights[0])
    begun = time.monotonic()
    for n, today in enumerate(all_nights, 1):
        build = json.dumps(n % BUILDS == 0 or today == END)
        told = TOLD.format(reports=asked, build=build, models=models) + ran
        with night.Emulator(a.binary, a.users, days, a.seed, today, end=END) as emulator:
            if code := night.run(a.binary, emulator.address, a.out, today, told):
                sys.exit(f"error: the night of {today} ended with {code}")
    print(f"{len(all_nights)} nights with {a.users} people took {time.monotonic() - begun:.1f} s")
    command = [a.binary, "marts", "--config", a.out / "pipeline.toml", "--lake", a.out / "lake", "--today", END, "--json"]
    said = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True, check=True).stdout
    if built := [m["model"] for t in json.loads(said) for m in t["models"]]:
        sys.exit(f"error: after the last night these still had to be built: {', '.join(built)}")


if __name__ == "__main__":
    main()
