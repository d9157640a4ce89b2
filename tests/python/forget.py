#!/usr/bin/env python3
"""Forgets somebody in the lake of an emulated tenant, and looks with other eyes whether that is so.

usage: forget.py BINARY [--users N] [--kills N]

Two nights are lived, and the lake is copied. In one of the two, two people are forgotten: one who manages others and owns a group,
and one with several addresses. After that, after a replay, after two more nights and after an import of what Graph said before, no object of the lake may
hold an address, the id, the OneDrive or the name of either: raw is unpacked, Parquet is read by pyarrow, all else is searched
as it is. Every other row must be that of the lake in which nobody was forgotten, but for the cells that named them, and
`verify` must find nothing. Then it is done again, killed at N moments, each time resumed. Exits 1 where something is wrong."""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from night import SECRET, Emulator, run

FIRST, SECOND, THIRD, FOURTH = "2026-10-30", "2026-11-01", "2026-11-02", "2026-11-03"
failures = []


def check(good, what):
    if not good:
        failures.append(what)
    print(f"{'ok' if good else 'WRONG'}: {what}", flush=True)


def unpacked(data):
    return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()


def texts(path):
    """All texts of an object, whatever form it has."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        return [unpacked(data).decode("utf-8", "replace")]
    if path.suffix == ".parquet":
        table = pq.ParquetFile(path).read()
        found = []
        for column in table.columns:
            if pa.types.is_string(column.type):
                found += [v for v in column.to_pylist() if v is not None]
        return found
    return [data.decode("utf-8", "replace")]


def search(lake, names):
    """Where one of these names stands: how many objects, by folder."""
    pattern = re.compile("|".join(rf"(?<![\w.@-]){re.escape(n)}(?![\w@-]|\.\w)" for n in sorted(names)), re.IGNORECASE)
    found = collections.Counter()
    for path in sorted(p for p in lake.rglob("*") if p.is_file()):
        key = str(path.relative_to(lake))
        if pattern.search(key) or any(pattern.search(text) for text in texts(path)):
            parts = key.split("/")
            found["/".join(parts[:2]) if parts[0] == "_usagelake" else parts[0]] += 1
    return found


def sql(lake, query):
    return duckdb.sql(query.replace("LAKE", str(lake))).fetchall()


def somebody(lake):
    """Two people, each as the name by which to forget them; and all their names."""
    tables = f"'{lake}/tables"
    views = f"""
        WITH held AS (SELECT address, count(DISTINCT id) AS holders FROM read_parquet({tables}/addresses/**/*.parquet') GROUP BY address),
             a AS (SELECT id, count(DISTINCT address) AS n, max(holders) AS holders
                   FROM read_parquet({tables}/addresses/**/*.parquet') JOIN held USING (address) GROUP BY id),
             u AS (SELECT * FROM read_parquet({tables}/users/**/*.parquet', hive_partitioning = true)),
             g AS (SELECT DISTINCT lower(owner_principal_name) AS upn FROM read_parquet({tables}/office365_groups_activity_detail/**/*.parquet')),
             d AS (SELECT DISTINCT lower(owner_principal_name) AS upn FROM read_parquet({tables}/one_drive_usage_account_detail/**/*.parquet')),
             p AS (SELECT DISTINCT u.id, u.display_name, a.n, u.id IN (SELECT manager_id FROM u) AS manages,
                          lower(u.user_principal_name) IN (SELECT upn FROM g) AS owns, lower(u.user_principal_name) IN (SELECT upn FROM d) AS stores
                   FROM u JOIN a ON a.id = u.id
                   WHERE holders = 1 AND user_type = 'Member')"""
    manager = sql(lake, views + "SELECT id FROM p WHERE manages AND owns AND stores ORDER BY id LIMIT 1")
    renamed = sql(lake, views + "SELECT id FROM p WHERE n > 1 AND stores ORDER BY id LIMIT 1")
    assert manager, "nobody has a OneDrive, manages somebody and owns a group"
    assert renamed, "nobody has a OneDrive and several addresses"
    given, names = [], set()
    for (who,) in manager + renamed:
        addresses = [a for a, in sql(lake, f"SELECT DISTINCT address FROM read_parquet({tables}/addresses/**/*.parquet') WHERE id = '{who}' ORDER BY 1")]
        called = [n for n, in sql(lake, views + f"SELECT DISTINCT display_name FROM u WHERE id = '{who}' AND display_name NOT IN (SELECT display_name FROM u WHERE id <> '{who}')")]
        sites = [n for n, in sql(lake, f"SELECT DISTINCT site_id FROM read_parquet({tables}/one_drive_usage_account_detail/**/*.parquet') WHERE list_contains({addresses}, lower(owner_principal_name)) AND site_id IS NOT NULL")]
        folders = [re.sub(r"[^0-9a-z]", "_", a) for a in addresses]
        names |= {who, *addresses, *called, *sites, *folders}
        given.append(addresses)
    return given, names


def rows_without(path, names):
    """The rows of a partition as they must be without somebody: those that name the person as theirs are gone, other cells empty."""
    table = pq.ParquetFile(path).read()
    small = {n.lower() for n in names}
    of_row = {"id", "user_id", "user_principal_name", "address", "mail"}
    if "one_drive_usage_account" in str(path):
        of_row |= {"owner_principal_name", "site_id"}
    rows = []
    for row in table.to_pylist():
        if any(str(row.get(c) or "").lower() in small for c in of_row):
            continue
        mentions = [c for c, v in row.items() if isinstance(v, str) and v.lower() in small]
        for column in mentions:
            row[column] = None
        rows.append(row)
    return rows


def compare(plain, clean, names, what):
    """Tables of two lakes with the same history, in one of which somebody is forgotten."""
    wrong, gone, kept = [], 0, 0
    plain_files = {p.relative_to(plain): p for p in (plain / "tables").rglob("*.parquet")}
    clean_files = {p.relative_to(clean): p for p in (clean / "tables").rglob("*.parquet")}
    if plain_files.keys() != clean_files.keys():
        wrong.append(str(plain_files.keys() ^ clean_files.keys()))
    for key in plain_files.keys() & clean_files.keys():
        want, have = rows_without(plain_files[key], names), pq.ParquetFile(clean_files[key]).read().to_pylist()
        gone += pq.ParquetFile(plain_files[key]).metadata.num_rows - len(want)
        kept += len(have)
        if want != have:
            wrong.append(str(key))
    check(not wrong and gone > 0, f"{what}: {kept} rows of others in {len(clean_files)} partitions are as they were, {gone} are gone {wrong[:3]}")


class Tenant:
    def __init__(self, binary, users, folder):
        self.binary, self.users, self.folder = binary, users, folder
        self.lake = folder / "lake"

    def night(self, today):
        with Emulator(self.binary, self.users, 90, seed=7, today=today, end=FOURTH) as emulator:
            code = run(self.binary, emulator.address, self.folder, today, stdout=subprocess.DEVNULL)
        check(code == 0, f"the night of {today} in {self.folder.name} ends with {code}")

    def ask(self, *arguments, code=0):
        command = [self.binary, *arguments, "--lake", self.lake, "--config", self.folder / "pipeline.toml"]
        done = subprocess.run([str(a) for a in command], capture_output=True, text=True, env={**os.environ, "USAGELAKE_CLIENT_SECRET": SECRET})
        check(done.returncode == code, f"usagelake {arguments[0]} ends with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
        return done

    def copy(self, name):
        other = Tenant(self.binary, self.users, self.folder.parent / name)
        shutil.copytree(self.folder, other.folder)
        return other


def clean(tenant, names, when):
    left = search(tenant.lake, names)
    check(not left, f"{when} nothing names the person {dict(left)}")


def digests(lake):
    return {p.relative_to(lake): p.read_bytes() for folder in ("tables", "marts") for p in (lake / folder).rglob("*.parquet")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    parser.add_argument("--users", type=int, default=150)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    binary = options.binary.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        plain = Tenant(binary, options.users, Path(scratch) / "plain")
        plain.night(FIRST)
        plain.night(SECOND)
        given, names = somebody(plain.lake)
        # One by the latest way of writing it, the other by one that is old.
        users = [given[0][-1].upper(), given[1][0]]
        before = search(plain.lake, names)
        print(f"{sum(map(len, given))} addresses, {len(names)} names, in {dict(before)}")
        check(all(before[f] > 0 for f in ("raw", "tables", "marts", "_usagelake/staging")), "the person stands everywhere before")

        tenant = plain.copy("forgotten")
        asked = tenant.ask("forget", "--user", *users, "--dry-run", "--today", SECOND)
        check(set(names) - {n for n in names if n.lower() in asked.stdout.lower()} == set(), "a dry run knows every name")
        check(search(tenant.lake, names) == before, "a dry run does nothing")
        tenant.ask("forget", "--user", *users, "--today", SECOND, code=2)
        begun = time.monotonic()
        done = tenant.ask("forget", "--user", *users, "--yes", "--today", SECOND)
        print(done.stderr.strip(), f"({time.monotonic() - begun:.1f} s)")
        said = done.stdout + done.stderr
        check(not any(n.lower() in said.lower() for n in names), "it prints no name")
        clean(tenant, names, "afterwards")
        tenant.ask("verify", "--today", SECOND)
        compare(plain.lake, tenant.lake, names, "afterwards")

        was = digests(tenant.lake)
        replayed = tenant.ask("replay", "--today", SECOND, "--json")
        changed = [t["table"] for t in json.loads(replayed.stdout) if t["changed"]]
        check(not changed and digests(tenant.lake) == was, f"a replay gives the same bytes {changed}")
        clean(tenant, names, "after a replay")
        again = tenant.ask("forget", "--user", given[0][0], given[1][-1], "--yes", "--today", SECOND, "--json")
        check(json.loads(again.stdout)["erased"]["objects"] == {}, "forgetting twice changes nothing")
        check(json.loads(again.stdout)["listed"] == 2, "it is two people, by whatever name")

        for today in (THIRD, FOURTH):
            plain.night(today)
            tenant.night(today)
            clean(tenant, names, f"after the night of {today}")
        records = [json.loads(p.read_text()) for p in (tenant.lake / "_usagelake/runs").glob("*.json")]
        last = max(records, key=lambda r: r["today"])
        reports = last["reports"] + last["directory"]
        check(sum(r["forgotten"] for r in reports) > 0, f"its record counts {sum(r['forgotten'] for r in reports)} rows of forgotten people")
        check(sum(r["held"] for r in reports) == 0, "no guard misses anybody")
        tenant.ask("verify", "--today", FOURTH)
        compare(plain.lake, tenant.lake, names, "after two more nights")

        for n, raw in enumerate(sorted(p for p in (plain.lake / "raw").rglob("*user_detail/date=*/*.csv.zst"))[:12]):
            body = unpacked(raw.read_bytes())
            report = next(part for part in raw.parts if part.startswith("report=")).removeprefix("report=")
            day = next(part for part in raw.parts if part.startswith("date=")).removeprefix("date=")
            file = tenant.folder / f"{report}-{n}.csv"
            file.write_bytes(body)
            done = subprocess.run([binary, "import", "--lake", tenant.lake, "--tenant", "contoso", "--report", report, "--day", day, file], capture_output=True, text=True)
            if done.returncode:
                check(False, f"the import of {report} ends with {done.returncode}: {done.stderr}")
        clean(tenant, names, "after an import of what Graph said before")
        tenant.ask("verify", "--today", FOURTH)

        seconds = time.monotonic() - begun
        for n in range(options.kills):
            killed = plain.copy(f"killed-{n}")
            command = [binary, "forget", "--user", *users, "--yes", "--today", FOURTH, "--lake", killed.lake]
            process = subprocess.Popen([str(a) for a in command], stderr=subprocess.DEVNULL)
            # From the first objects to the marts: what is rewritten before the list is there is nothing.
            key = killed.lake / "_usagelake/forgotten/tenant=contoso/under-way"
            while not key.exists() and process.poll() is None:
                time.sleep(0.005)
            time.sleep(0.15 + 0.6 * n)
            process.kill()
            ended = process.wait() == 0
            state = subprocess.run([binary, "verify", "--lake", killed.lake, "--today", FOURTH], capture_output=True, text=True)
            check(ended or (state.returncode == 3 and "interrupted" in state.stdout), f"kill {n}: verify says that it is under way ({'it had ended' if ended else 'killed'})")
            if n == 0:
                # A night goes on with it, and builds the marts.
                killed.night(FOURTH)
                clean(killed, names, "kill 0, the next night:")
                killed.ask("verify", "--today", FOURTH)
            killed.ask("forget", *(["--user", *users] if n % 2 else []), "--yes", "--today", FOURTH)
            clean(killed, names, f"kill {n}, resumed:")
            killed.ask("verify", "--today", FOURTH)
            compare(plain.lake, killed.lake, names, f"kill {n}, resumed")
        print(f"{seconds:.0f} s")
    for failure in failures:
        print(f"WRONG: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
