#!/usr/bin/env python3
"""An S3 server in memory, for tests: moto.

usage: s3.py BUCKET…         (on a free port of loopback; prints its address once the buckets are there)

Any access key goes; the region is us-east-1. Conditional puts hold; copies that must not overwrite are not offered."""

import logging
import sys
import threading
import urllib.request

from moto.server import ThreadedMotoServer

if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://%s:%d" % server.get_host_and_port()
    for name in sys.argv[1:]:
        urllib.request.urlopen(urllib.request.Request(f"{address}/{name}", method="PUT")).close()
    print(address, flush=True)
    threading.Event().wait()
