#!/usr/bin/env python3
"""A report of a million rows from socket to published partition: how long, and in how much memory.

usage: million.py BINARY [--rows N] [--runs N]      (a release build: target/release/usagelake)

A small server on loopback hands out a token, redirects the report to a download, and sends a file of so many rows of
getOffice365ActiveUserDetail that it made before. `usagelake run` asks for that one day, into an empty lake on disk, raw
kept: once up to the published partition, `[marts] build = false`, and once as a night does it, which then builds the marts of
the month of a million people. Prints seconds, CPU seconds and peak memory (ru_maxrss) of the `run` process alone, for each run
and as medians; the server takes a core of its own meanwhile. Exits 1 where a row is missing."""

import argparse
import http.server
import json
import os
import random
import statistics
import subprocess
import tempfile
import threading
import time
import tomllib
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("binary")
parser.add_argument("--rows", type=int, default=1_000_000)
parser.add_argument("--runs", type=int, default=3)
a = parser.parse_args()
TODAY, DAY, REPORT = "2026-11-20", "2026-11-18", "getOffice365ActiveUserDetail"
CATALOG = Path(__file__).resolve().parents[2] / "schemas" / "reports" / "office365_active_user_detail.toml"


def write(path):
    """The report for so many people: names that need quotes, names beyond ASCII, dates with gaps, licences."""
    dice = random.Random(7)
    columns = tomllib.loads(CATALOG.read_text())["columns"]
    names = ["James Smith", '"Müller, Zoë"', "José García", '"佐藤, 太郎"', "Priya Patel"]
    licences = ["MICROSOFT 365 E5", "OFFICE 365 E1+POWER BI PRO", "MICROSOFT 365 E3+VISIO PLAN 2+MICROSOFT 365 COPILOT"]
    days = [f"2026-{m:02}-{d:02}" for m in range(1, 12) for d in range(1, 29)] + [""] * 60
    with open(path, "w", encoding="utf-8-sig", newline="") as f:
        f.write(",".join(c["header"] for c in columns) + "\r\n")
        for n in range(a.rows):
            row = []
            for c in columns:
                if c.get("role") == "refresh-date":
                    row.append(DAY)
                elif c["name"] == "user_principal_name":
                    row.append(f"person{n * 7368787 % 10**7:07}@contoso.com")
                elif c["type"] == "date":
                    row.append(dice.choice(days))
                elif c["type"] == "bool":
                    row.append("True" if dice.random() < 0.7 else "False")
                else:
                    row.append(dice.choice(licences if c["type"] == "list" else names))
            f.write(",".join(row) + "\r\n")


class Graph(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body=b""):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        token = {"token_type": "Bearer", "expires_in": 3599, "access_token": "a.b.c"}
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(token).encode())

    def do_GET(self):
        if self.path.startswith("/download"):
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(os.path.getsize(self.server.file)))
            self.end_headers()
            with open(self.server.file, "rb") as f:
                while chunk := f.read(1 << 18):
                    self.wfile.write(chunk)
        elif REPORT in self.path:
            self.answer(302, {"Location": f"http://127.0.0.1:{self.server.server_port}/download"})
        elif self.path.endswith("/admin/reportSettings"):
            self.answer(200, {"Content-Type": "application/json"}, b'{"displayConcealedNames": false}')
        else:
            self.answer(404, {"Content-Type": "application/json"}, b'{"error":{"code":"NotFound","message":""}}')


with tempfile.TemporaryDirectory() as folder:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Graph)
    server.file = os.path.join(folder, "report.csv")
    write(server.file)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for label, marts in ("published", False), ("with its marts", True):
        figures = []
        for n in range(a.runs):
            lake, config = os.path.join(folder, f"{label}-{n}"), os.path.join(folder, "usagelake.toml")
            with open(config, "w") as f:
                f.write(
                    f'lake = "{lake}"\n[marts]\nbuild = {json.dumps(marts)}\n[tenant.contoso]\nid = "contoso"\n'
                    'auth = { method = "client-secret", client_id = "x", secret = { env = "SECRET" } }\n'
                    f'endpoints = {{ login = "{address}", graph = "{address}" }}\n'
                )
            command = [a.binary, "run", "--config", config, "--report", REPORT, "--from", DAY, "--to", DAY]
            begun = time.monotonic()
            process = subprocess.Popen(
                [*command, "--today", TODAY, "--json"], stdout=subprocess.PIPE, env={**os.environ, "SECRET": "secret"}
            )
            record = json.loads(process.stdout.read())[0]["reports"][0]
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds, cpu, peak = time.monotonic() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
            figures.append((seconds, cpu, peak))
            rows, size = record["rows"], record["bytes"]
            print(f"{label}: {rows:,} rows, {size / 1e6:,.0f} MB of CSV: {seconds:.2f} s, {cpu:.2f} CPU s, {peak:.0f} MiB peak")
            if process.returncode or rows != a.rows or record["published"] != 1:
                raise SystemExit(f"expected {a.rows:,} rows in one partition and exit 0: {record}")
        seconds, cpu, peak = (statistics.median(column) for column in zip(*figures))
        print(f"{label}: median of {a.runs}: {seconds:.2f} s, {cpu:.2f} CPU s, {peak:.0f} MiB peak")
