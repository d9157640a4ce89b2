#!/usr/bin/env python3
"""An emulated tenant and the night that usagelake spends with it, through the command line alone.

usage: night.py BINARY OUT [--users N] [--days N] [--seed N] [--today DAY]

Leaves OUT/lake, OUT/truth (what the emulator knows) and OUT/pipeline.toml. Exits 1 where the night did not end with 0.
Other checks import `Emulator` and `run`."""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

# Any day does, so long as it is always the same one: what is generated depends on it.
TODAY = "2026-11-20"
SECRET = "secret"

PIPELINE = """\
[tenant.contoso]
id = "contoso"
auth = {{ method = "client-secret", client_id = "00000000-0000-0000-0000-000000000001", secret = {{ env = "USAGELAKE_CLIENT_SECRET" }} }}
endpoints = {{ login = "{address}", graph = "{address}" }}
# The emulator runs with `--pace off`; waiting as for Graph would take the first night an hour.
pace = {{ requests = 1000, per = "1s" }}
"""


class Emulator:
    """`usagelake emulate` as a server, for the time of a `with`."""

    def __init__(self, binary, users, days, seed=1, today=TODAY, truth=None, end=None):
        # Port 0 takes a free one; the address is the first line of stdout.
        self.command = [binary, "emulate", "--port", 0, "--users", users, "--days", days, "--seed", seed]
        self.command += ["--today", today, "--pace", "off"]
        if truth:
            self.command += ["--truth", truth]
        if end:
            self.command += ["--end", end]

    def __enter__(self):
        self.process = subprocess.Popen([str(part) for part in self.command], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            sys.exit(f"error: the emulator ended with {self.process.wait()}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(binary, address, out, today=TODAY):
    """One night into OUT/lake. Returns usagelake's exit code."""
    out.mkdir(parents=True, exist_ok=True)
    config = out / "pipeline.toml"
    config.write_text(PIPELINE.format(address=address))
    command = [binary, "run", "--config", config, "--lake", out / "lake", "--today", today]
    return subprocess.run([str(part) for part in command], env={**os.environ, "USAGELAKE_CLIENT_SECRET": SECRET}).returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("out", type=Path)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", default=TODAY)
    a = parser.parse_args()
    with Emulator(a.binary, a.users, a.days, a.seed, a.today, a.out / "truth") as emulator:
        begun = time.monotonic()
        code = run(a.binary, emulator.address, a.out, a.today)
    print(f"a night with {a.users} people and {a.days} days took {time.monotonic() - begun:.1f} s, exit code {code}")
    sys.exit(code != 0)


if __name__ == "__main__":
    main()
