#!/usr/bin/env python3
"""A tenant whose names are markup, through a night into the dashboard, and into CSV.

usage: escapes.py BINARY

Between usagelake and the emulated Graph stands a proxy that puts markup into every department, office, city, company, title and licence. The dashboard
of that lake, read by Python's HTML parser, must have the elements and attributes of one without it, and the markup as text. CSV that `query` writes
of a department that is a formula must be marked. Exits 1 where something is wrong."""

import collections
import csv
import io
import json
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from night import Emulator, run

USERS, DAYS = 60, 40
EVIL = """</script></style></svg></title><script>alert('x"&lt;')</script><img src=x onerror="alert(1)">"""
FORMULA = """=HYPERLINK("https://example.com","x")"""
PROPERTIES = ("department", "city", "companyName", "officeLocation", "jobTitle", "country", "state", "usageLocation")
failures = []


def check(good, what, *more):
    if not good:
        failures.append(what)
    print(f"{'ok' if good else 'WRONG'}: {what}", *([] if good else more), flush=True)


class Proxy(ThreadingHTTPServer):
    """Graph, with `text` behind every name that people of the tenant choose."""

    daemon_threads = True

    def __init__(self, graph, text):
        super().__init__(("127.0.0.1", 0), Between)
        self.graph, self.text, self.changed = graph, text, 0
        self.address = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def change(self, value):
        if isinstance(value, list):
            return [self.change(v) for v in value]
        if not isinstance(value, dict):
            return value
        changed = {k: self.change(v) for k, v in value.items()}
        for name in PROPERTIES:
            if isinstance(changed.get(name), str):
                changed[name] = self.text if name == "department" else changed[name] + self.text
                self.changed += 1
        return changed


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Between(BaseHTTPRequestHandler):
    opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))

    def pass_on(self, body=None):
        server = self.server
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding", "content-length")}
        request = urllib.request.Request(server.graph + self.path, data=body, headers=headers, method=self.command)
        try:
            answer = self.opener.open(request)
        except urllib.error.HTTPError as e:
            answer = e
        text = answer.read()
        # Graph's own host is this one: nobody takes a token elsewhere.
        text = text.replace(server.graph.encode(), server.address.encode())
        if "json" in answer.headers.get("Content-Type", "") and ("/users" in self.path or "/organization" in self.path):
            text = json.dumps(server.change(json.loads(text))).encode()
        self.send_response(answer.status)
        for name in ("Content-Type", "Location", "Retry-After"):
            if answer.headers.get(name):
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.pass_on()

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_):
        pass


class Page(HTMLParser):
    """Elements, attributes and texts of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.scripts, self.inside = collections.Counter(), set(), [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.inside = tag
        for name, value in attributes:
            self.attributes.add((tag, name))
            self.texts.append(value or "")

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        (self.scripts if self.inside in ("script", "style") else self.texts).append(data)


def dashboard(binary, lake, out):
    done = subprocess.run([binary, "dashboard", "--lake", str(lake), "--out", str(out)], capture_output=True, text=True)
    check(done.returncode in (0, 3), "the dashboard is written", done.returncode, done.stderr)
    return Page(out.read_text())


def main():
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, Emulator(binary, USERS, DAYS) as emulator:
        folder = Path(folder)
        pages = {}
        for name, text in (("plain", None), ("evil", EVIL), ("formula", FORMULA)):
            proxy = Proxy(emulator.address, text) if text else None
            code = run(binary, proxy.address if proxy else emulator.address, folder / name)
            check(code == 0, f"a night: {name}", code)
            check(not proxy or proxy.changed > USERS, f"names are changed: {name}", proxy and proxy.changed)
            if name != "formula":
                pages[name] = dashboard(binary, folder / name / "lake", folder / f"{name}.html")
        plain, evil = pages["plain"], pages["evil"]
        unescaped = Page((folder / "evil.html").read_text().replace("&lt;", "<").replace("&gt;", ">"))
        check(unescaped.tags["img"] > plain.tags["img"], "markup that is not escaped would be seen")
        shown = sum(EVIL in text for text in evil.texts)
        check(shown > 0, "the page has the markup as text", [t for t in evil.texts if "alert" in t][:3])
        check(evil.scripts == plain.scripts, "scripts and styles are those of a page without it")
        check(evil.tags["script"] == plain.tags["script"] and evil.tags["img"] == plain.tags["img"], "so are elements", evil.tags - plain.tags)
        check(set(evil.tags) <= set(plain.tags), "no element is new", set(evil.tags) - set(plain.tags))
        check(evil.attributes <= plain.attributes, "no attribute is new", evil.attributes - plain.attributes)
        check(not any(name.startswith("on") for _, name in evil.attributes), "nothing runs by itself")
        sql = "SELECT DISTINCT department FROM users WHERE department IS NOT NULL"
        lake = folder / "formula" / "lake"
        done = subprocess.run([binary, "query", "--lake", str(lake), "--format", "csv", sql], capture_output=True, text=True)
        cells = [row[0] for row in csv.reader(io.StringIO(done.stdout))][1:]
        check(cells == ["'" + FORMULA], "a formula is marked in CSV", cells, done.stderr)
    sys.exit(len(failures) > 0)


if __name__ == "__main__":
    main()
