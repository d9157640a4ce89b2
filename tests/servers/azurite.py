#!/usr/bin/env python3
"""An Azure Blob server in memory, for tests: Azurite, with its containers.

usage: azurite.py PROGRAM CONTAINER…     (PROGRAM is azurite-blob; on a free port of loopback; prints its address, the
                                          account included, once the containers are there)

Azurite makes no containers by itself, and the client that the tests exercise cannot either; so they are made here, by a
signed request (learn.microsoft.com, "Authorize with Shared Key"). Azurite ends with this process."""

import base64
import hashlib
import hmac
import re
import signal
import subprocess
import sys
import urllib.request
from email.utils import formatdate

# The account that Azurite knows, and its key: both are published with it.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
VERSION = "2023-11-03"


def create_container(address, name):
    date = formatdate(usegmt=True)
    signed = (
        "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{VERSION}\n"
        # The account twice: once as the account, once as the first segment of the path.
        f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    )
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
    request = urllib.request.Request(
        f"{address}/{name}?restype=container",
        method="PUT",
        headers={"x-ms-date": date, "x-ms-version": VERSION, "Authorization": f"SharedKey {ACCOUNT}:{signature}"},
    )
    urllib.request.urlopen(request).close()


if __name__ == "__main__":
    program, *containers = sys.argv[1:]
    azurite = subprocess.Popen(
        [program, "--inMemoryPersistence", "--disableTelemetry", "--silent", "--blobHost", "127.0.0.1", "--blobPort", "0"]
        # Clients of today ask for versions of the API that Azurite has not heard of.
        + ["--skipApiVersionCheck"],
        stdout=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for line in azurite.stdout:
            if listens := re.search(r"listens on (http://\S+)", line):
                address = f"{listens[1]}/{ACCOUNT}"
                for container in containers:
                    create_container(address, container)
                print(address, flush=True)
        sys.exit(azurite.wait())
    finally:
        azurite.terminate()
        azurite.wait()
