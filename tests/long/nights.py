#!/usr/bin/env python3
"""Half a year of ordinary nights through the binary: no guard may hold anything, and in the end the lake is proven.

usage: nights.py BINARY [--nights N] [--users N] [--seed N] [--keep DIR]

Each night an emulated Graph of one tenant is started on its day, and `usagelake run` asks it for everything. The tenant
grows, has the holidays of eight countries and Christmas in its midst, and a third of its people join on one day. It ends
with 1 at the first night that does not end with 0. After the last one `verify` must find nothing, and a night whose
answers are cut to a hundred rows must be held. Python's standard library is all it needs."""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CUT = "[[rules]]\nwindow = 'date'\nfault.first-rows = {}\n"


class Graph:
    """The emulated Graph of a day."""

    def __init__(self, binary, args, end, today, faults=None):
        command = [binary, "emulate", "--port", "0", "--pace", "off", "--users", args.users, "--seed", args.seed]
        command += ["--days", args.nights + 5, "--end", end, "--today", today, "--wave", end - dt.timedelta(args.nights // 2)]
        command += ["--faults", faults] if faults else []
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(binary, folder, graph, today):
    pipeline = folder / "usagelake.toml"
    pipeline.write_text(
        f'lake = "{folder / "lake"}"\n[tenant.contoso]\nid = "contoso"\n'
        'auth = { method = "client-secret", client_id = "app", secret = { env = "NIGHTS_SECRET" } }\n'
        f'endpoints = {{ login = "{graph.url}", graph = "{graph.url}" }}\npace = {{ requests = 1000000, per = "1s" }}\n'
        "[marts]\nbuild = false\n"
    )
    return subprocess.run(
        [binary, "run", "--config", pipeline, "--today", str(today), "--json"],
        capture_output=True, text=True, env={**os.environ, "NIGHTS_SECRET": "secret"},
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--nights", type=int, default=180)
    parser.add_argument("--users", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    binary, end, begun = os.path.abspath(args.binary), dt.date(2027, 3, 20), time.time()
    with tempfile.TemporaryDirectory() as made:
        folder = args.keep or Path(made)
        landed = rows = 0
        for n in range(args.nights, 0, -1):
            today = end - dt.timedelta(n)
            with Graph(binary, args, end, today) as graph:
                done = run(binary, folder, graph, today)
            if done.returncode:
                sys.exit(f"{today}: ended with {done.returncode}\n{done.stderr}\n{done.stdout[-4000:]}")
            record = json.loads(done.stdout)[0]
            landed += sum(r["landed"] for r in record["reports"])
            rows += sum(r["rows"] for r in record["reports"])
        print(f"{args.nights} nights, {landed} answers with {rows} rows, nothing held, {time.time() - begun:.0f} s")
        proof = subprocess.run([binary, "verify", "--lake", folder / "lake"], capture_output=True, text=True)
        print(proof.stderr.strip())
        if proof.returncode:
            sys.exit(proof.stdout[:4000])
        faults = folder / "faults.toml"
        faults.write_text(CUT)
        with Graph(binary, args, end, end, faults) as graph:
            cut = run(binary, folder, graph, end)
        record = json.loads(cut.stdout)[0]
        held = [r["report"] for r in record["reports"] if r["held"]]
        print(f"a night cut to a hundred rows: exit code {cut.returncode}, held of {len(held)} reports")
        if cut.returncode != 3 or not held:
            sys.exit("nothing of it was held")


main()
