#!/usr/bin/env python3
"""A report of a million rows from socket to published partition: how long, and in how much memory.

usage: million.py BINARY [--users N] [--runs N]      (a release build: target/release/usagelake)

An emulated tenant answers `date=` for everyone; `usagelake run` asks for one day of one detail report into an empty lake
on disk, raw kept. Prints seconds, CPU seconds and peak memory (ru_maxrss) of the `run` process alone, for each run and as
medians; the emulator that makes the rows takes a core of its own meanwhile. Exits 1 where a row is missing."""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("binary")
parser.add_argument("--users", type=int, default=1_000_000)
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--report", default="getOffice365ActiveUserDetail")
a = parser.parse_args()
TODAY, DAY = "2026-11-20", "2026-11-18"

serve = [a.binary, "emulate", "--port", "0", "--users", str(a.users), "--days", "1", "--today", TODAY, "--pace", "off"]
emulator = subprocess.Popen([*serve, "--date-lists", "everyone", "--json"], stdout=subprocess.PIPE, text=True)
try:
    text = ""
    while not text.rstrip().endswith("}"):
        text += emulator.stdout.readline()
    address = json.loads(text)["url"]
    figures = []
    for n in range(a.runs):
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "usagelake.toml")
            with open(config, "w") as f:
                f.write(
                    f'lake = "{folder}/lake"\n[tenant.contoso]\nid = "contoso"\n'
                    'auth = { method = "client-secret", client_id = "x", secret = { env = "SECRET" } }\n'
                    f'endpoints = {{ login = "{address}", graph = "{address}" }}\n'
                )
            command = [a.binary, "run", "--config", config, "--report", a.report, "--from", DAY, "--to", DAY]
            begun = time.monotonic()
            process = subprocess.Popen(
                [*command, "--today", TODAY, "--json"], stdout=subprocess.PIPE, env={**os.environ, "SECRET": "secret"}
            )
            record = json.loads(process.stdout.read())[0]["reports"][0]
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = status
            seconds = time.monotonic() - begun
            rows, size = record["rows"], record["bytes"]
            figures.append((seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
            print(
                f"run {n + 1}: {rows:,} rows, {size / 1e6:,.0f} MB of CSV, {seconds:.2f} s,"
                f" {figures[-1][1]:.2f} CPU s, {figures[-1][2]:.0f} MiB peak"
            )
            if status or rows < a.users:
                raise SystemExit(f"expected {a.users:,} rows and exit 0, got {rows:,} and {status}")
    seconds, cpu, peak = (statistics.median(column) for column in zip(*figures))
    print(f"median: {seconds:.2f} s, {cpu:.2f} CPU s, {peak:.0f} MiB peak")
finally:
    emulator.terminate()
    emulator.wait()
