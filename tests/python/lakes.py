"""Lakes of usagelake on disk, Azurite, moto and the GCS server, as tests see them: copied, read whole, compared; a proxy before a
store that does harm to requests; and nights that are spent with them. It is no program."""

import base64
import hashlib
import hmac
import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))
import azurite  # noqa: E402
from night import PIPELINE, SECRET  # noqa: E402

FIRST, SECOND = "2026-11-20", "2026-11-22"
# One report of each way in which rows are kept: by day and period, merged by month, and the present state.
REPORTS = ["getEmailActivityUserDetail", "getEmailActivityCounts", "getOffice365ActiveUserDetail", "getOffice365ActivationsUserDetail"]

# What tells one run from another, and says nothing of the data.
OF_THE_RUN = {"run", "read_at", "first_read_at", "published_at", "published_by", "before"}
OF_THE_RUN_COLUMNS = ["run", "loaded_at"]
# A run, and in the name of an answer that was imported what tells it from others of that run.
RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}(-[0-9a-f]{8}\b)?")
LEASE = "_usagelake/lock/contoso.json"


class Disk:
    """Lakes in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def url(self, name):
        return str(self.folder / name)

    def environment(self, _=None):
        return {}

    def copy(self, source, target):
        shutil.copytree(self.folder / source, self.folder / target)

    def remove(self, name):
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def read(self, name):
        base = self.folder / name
        return {str(p.relative_to(base)): p.read_bytes() for p in base.rglob("*") if p.is_file()}

    def break_lease(self, name):
        """The system drops the lock with the process."""


class Link:
    """A connection that is kept. One that may have been closed meanwhile is not used: nothing is sent twice by itself."""

    IDLE = 1

    def __init__(self, at):
        self.at, self.connection, self.used = at, None, 0

    def open(self):
        if self.connection is None or time.monotonic() - self.used > self.IDLE:
            self.connection = http.client.HTTPConnection(self.at.hostname, self.at.port)
        return self.connection

    def answer(self):
        """The answer to what was sent, and its body."""
        answer = self.connection.getresponse()
        body = answer.read()
        self.used = time.monotonic()
        if answer.will_close:
            self.connection = None
        return answer, body


class Remote:
    """Lakes in the bucket of a store. `environment` is for a run, through a proxy where one is named."""

    BUCKET = "usagelake"

    def __init__(self, address):
        self.at = urllib.parse.urlsplit(address)
        self.links = threading.local()
        self.kept = {}

    def ask(self, method, path, query="", body=b"", headers=()):
        """One request, straight to the store."""
        link = self.links.__dict__.setdefault("link", Link(self.at))
        path = f"{self.at.path}/{self.BUCKET}{path}"
        for attempt in range(5):
            try:
                link.open().request(method, path + (f"?{query}" if query else ""), body, self.signed(method, path, query, body, dict(headers)))
                answer, said = link.answer()
                # moto lists a bucket badly that is written meanwhile.
                if method != "GET" or answer.status < 500:
                    break
            except ConnectionError:
                # What is asked for here may be done twice.
                link.connection = None
                if attempt == 4:
                    raise
        if answer.status >= 300 and not (method == "DELETE" and answer.status == 404):
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return said

    def names(self, name):
        """The keys under a name, page by page."""
        found, marker = [], ""
        while True:
            query = self.LIST.format(f"{name}/") + (f"&{self.MORE}={urllib.parse.quote(marker)}" if marker else "")
            text = self.ask("GET", "", query).decode()
            found += re.findall(f"<{self.KEY}>([^<]+)</{self.KEY}>", text)
            marker = (re.search(f"<{self.NEXT}>([^<]+)</{self.NEXT}>", text) or [None, ""])[1]
            if not marker:
                return found

    def read(self, name):
        return {key.removeprefix(f"{name}/"): self.ask("GET", f"/{urllib.parse.quote(key)}") for key in self.names(name)}

    def copy(self, source, target):
        # It is only ever copied from lakes that nobody changes any more.
        if source not in self.kept:
            self.kept[source] = self.read(source)
        for key, body in self.kept[source].items():
            self.ask("PUT", f"/{urllib.parse.quote(f'{target}/{key}')}", body=body, headers=self.PUT)

    def remove(self, name):
        for key in self.names(name):
            self.ask("DELETE", f"/{urllib.parse.quote(key)}")

    def break_lease(self, name):
        self.ask("DELETE", f"/{name}/{LEASE}")

    def address(self, proxy):
        return f"http://127.0.0.1:{proxy.server_port}" if proxy else f"{self.at.scheme}://{self.at.netloc}"


class Azure(Remote):
    """Lakes in a container of Azurite."""

    PUT = [("x-ms-blob-type", "BlockBlob")]
    LIST, MORE, KEY, NEXT = "comp=list&prefix={}&restype=container", "marker", "Name", "NextMarker"

    def url(self, name):
        return f"az://{self.BUCKET}/{name}"

    def environment(self, proxy=None):
        return {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": self.address(proxy)}

    def signed(self, method, path, query, body, headers):
        ours = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": azurite.VERSION, **headers}
        # learn.microsoft.com, "Authorize with Shared Key": the body's length, the x-ms headers, the path and its options.
        lines = [method, "", "", str(len(body)) if body else "", "", "", "", "", "", "", "", ""]
        lines += [f"{k}:{ours[k]}" for k in sorted(ours)]
        options = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        lines.append(f"/{azurite.ACCOUNT}{path}" + "".join(f"\n{k}:{v}" for k, v in options))
        signature = base64.b64encode(hmac.new(base64.b64decode(azurite.KEY), "\n".join(lines).encode(), hashlib.sha256).digest()).decode()
        return {**ours, "Authorization": f"SharedKey {azurite.ACCOUNT}:{signature}"}


class S3(Remote):
    """Lakes in a bucket of moto, which looks at no signature."""

    PUT = []
    LIST, MORE, KEY, NEXT = "list-type=2&prefix={}", "continuation-token", "Key", "NextContinuationToken"

    def url(self, name):
        return f"s3://{self.BUCKET}/{name}"

    def environment(self, proxy=None):
        return {"AWS_ENDPOINT": self.address(proxy), "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    def signed(self, method, path, query, body, headers):
        # Who says nothing is a stranger to moto; what is said it does not check.
        said = "AWS4-HMAC-SHA256 Credential=test/20261120/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"
        return {**headers, "Authorization": said}


class Gcs(Remote):
    """Lakes in a bucket of the GCS server, which looks at no credential."""

    PUT = []
    LIST, MORE, KEY, NEXT = "list-type=2&prefix={}", "continuation-token", "Key", "NextContinuationToken"

    def url(self, name):
        return f"gs://{self.BUCKET}/{name}"

    def environment(self, proxy=None):
        key = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
        return {"GOOGLE_BASE_URL": self.address(proxy), "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key)}

    def signed(self, method, path, query, body, headers):
        return headers


# ---- a proxy that does harm ----------------------------------------------------------------------------------------------


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a store. `plan` says what harm is done to which: a function of method and path, that answers

    kill-before   `victim` is killed, and the store never sees the request
    kill-after    the store does it, and `victim` is killed before it hears
    refuse        the store says 500 or 503
    slow          the store takes its time
    lose          the store does it, and the answer is lost
    stop-before   `victim` is stopped; the request goes on when `woken` is set, and so should the victim
    stop-after    the store does it, and `victim` is stopped before it hears"""

    daemon_threads = True

    def __init__(self, store):
        super().__init__(("127.0.0.1", 0), Relay)
        self.at = store.at
        self.lock = threading.Lock()
        self.victim, self.stopped, self.woken = None, threading.Event(), threading.Event()
        self.calm()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def calm(self):
        """No more harm."""
        self.count, self.plan = 0, lambda method, path: None

    def harm(self, method, path):
        with self.lock:
            self.count += 1
            return self.plan(method, path)

    def handle_error(self, *request):
        # Who was killed leaves its connections in the midst of an answer.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*request)


class Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: the second would wait for the word that the first has come, 40 ms.
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.link = Link(self.server.at)

    def relay(self):
        harm = self.server.harm(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if harm == "kill-before":
            return self.kill()
        if harm == "refuse":
            self.send_response(503 if len(self.path) % 2 else 500)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if harm == "slow":
            time.sleep(0.3)
        if harm == "stop-before":
            self.stop()
        connection = self.link.open()
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer, said = self.link.answer()
        if harm == "kill-after":
            return self.kill()
        if harm == "stop-after":
            self.stop()
        if harm == "lose":
            self.close_connection = True
            return None
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(said))
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(said)

    def kill(self):
        self.server.victim.send_signal(signal.SIGKILL)
        self.close_connection = True

    def stop(self):
        self.server.victim.send_signal(signal.SIGSTOP)
        self.server.stopped.set()
        self.server.woken.wait()

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = relay

    def log_message(self, *_):
        pass


# ---- what a lake is ------------------------------------------------------------------------------------------------------


def stripped(value):
    if isinstance(value, dict):
        return {k: stripped(v) for k, v in value.items() if k not in OF_THE_RUN}
    return [stripped(v) for v in value] if isinstance(value, list) else value


def essence(key, body):
    """What of an object must be the same whenever and however often it was read."""
    if key.startswith(("_usagelake/runs/", "_usagelake/lock/")):
        return None
    # It names the runs, and so do the fingerprints of what reads it.
    if "/data_quality/" in key and key.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(body))
        return repr(table.drop_columns([c for c in OF_THE_RUN_COLUMNS if c in table.column_names]).to_pylist())
    if key.startswith("_usagelake/marts/"):
        return None
    if key.startswith("_usagelake/manifest/"):
        manifest = json.loads(body)
        return sorted((path, o["sha256"]) for path, o in manifest["objects"].items() if "data_quality" not in path), sorted(manifest.get("about", ()))
    if key.startswith("_usagelake/ledger/"):
        lines = body.decode().splitlines() if key.endswith(".jsonl") else [body.decode()]
        return sorted(RUN.sub("", json.dumps(stripped(json.loads(line)), sort_keys=True)) for line in lines)
    return hashlib.sha256(body).hexdigest()


def portrait(lake, name):
    found = {}
    for key, body in lake.read(name).items():
        what = essence(key, body)
        if what is not None:
            # Answers are named after the run that landed them.
            name = RUN.sub(what, key) if key.startswith(("raw/", "_usagelake/rejects/")) else key
            while name in found:
                name += " once more"
            found[name] = what
    return found


def difference(want, got):
    """The first keys that differ, in words."""
    lines = [f"missing: {k}" for k in want if k not in got]
    lines += [f"left over: {k}" for k in got if k not in want]
    lines += [f"differs: {k}" for k in want if k in got and want[k] != got[k]]
    return lines


# ---- a night ---------------------------------------------------------------------------------------------------------------


class Night:
    """One night of the tenant, again and again."""

    def __init__(self, binary, scratch, lake, emulators, reports=REPORTS, directory=("users",), told=""):
        self.binary, self.lake = binary, lake
        self.configs = {}
        for today, emulator in emulators.items():
            config = scratch / f"{today}.toml"
            chosen = f"\n[reports]\ninclude = {json.dumps(list(reports))}\n\n[directory]\ninclude = {json.dumps(list(directory))}\n"
            config.write_text(PIPELINE.format(address=emulator.address) + chosen + told)
            self.configs[today, True] = config
            without = scratch / f"{today}-without-marts.toml"
            without.write_text(config.read_text() + "\n[marts]\nbuild = false\n")
            self.configs[today, False] = without

    def start(self, name, night, before=(), proxy=None):
        command = [*before, self.binary, "run", "--config", self.configs[night], "--lake", self.lake.url(name), "--today", night[0]]
        environment = {**os.environ, **self.lake.environment(proxy), "USAGELAKE_CLIENT_SECRET": SECRET}
        return subprocess.Popen([str(part) for part in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def whole(self, name, night, proxy=None):
        process = self.start(name, night, proxy=proxy)
        said = process.communicate(timeout=600)[1]
        if process.returncode:
            raise RuntimeError(f"the run ended with {process.returncode}: {said.decode()[-800:]}")
