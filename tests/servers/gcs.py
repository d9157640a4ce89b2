#!/usr/bin/env python3
"""A Google Cloud Storage server in memory, for tests: the part of the XML API that a lake needs.

usage: gcs.py BUCKET…        (on a free port of loopback; prints its address once the buckets are there)

Promises: buckets; objects put, read (also by range and by generation), listed (version 2, in pages), copied and deleted;
multipart uploads; preconditions on the generation, judged and applied in one step, so that of any number of writers that
state the same generation exactly one wins. It is as strict as the service where a client could come to rely on less: an
unknown bucket is 404, a part under 5 MiB that is not the last is refused, and so is a precondition on a multipart upload,
which the service does not support. It looks at no credential.

Written from Google's pages: cloud.google.com/storage/docs/xml-api/reference-methods, …/request-preconditions,
…/multipart-uploads."""

import hashlib
import re
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

# The service's limits: the page size of a listing, and the smallest part but for the last.
PAGE = 1000
SMALLEST_PART = 5 * 1024 * 1024

# Headers of a put that come back with the object.
KEPT = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language")
GENERATION_MATCH = "x-goog-if-generation-match"


class Refused(Exception):
    """An answer other than success: status, code of the error document, message."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Object:
    data: bytes
    etag: str
    generation: int
    written: float
    headers: dict


class Store:
    """Buckets and uploads. Every public method is one atomic step."""

    def __init__(self):
        self.lock = threading.Lock()
        self.buckets = {}
        self.uploads = {}
        self.last_generation = int(time.time() * 1e6)

    def create(self, bucket):
        with self.lock:
            if bucket in self.buckets:
                raise Refused(409, "BucketAlreadyOwnedByYou", "the bucket exists")
            self.buckets[bucket] = {}

    def put(self, bucket, key, data, headers, generation_match):
        with self.lock:
            return self._put(bucket, key, data, '"%s"' % hashlib.md5(data).hexdigest(), headers, generation_match)

    def get(self, bucket, key, generation=None):
        with self.lock:
            return self._get(bucket, key, generation)

    def copy(self, source, bucket, key, generation_match):
        with self.lock:
            from_bucket, _, from_key = source.lstrip("/").partition("/")
            found = self._get(from_bucket, from_key)
            return self._put(bucket, key, found.data, found.etag, found.headers, generation_match)

    def delete(self, bucket, key, generation_match):
        with self.lock:
            self._check(self._bucket(bucket).get(key), generation_match)
            self._get(bucket, key)
            del self.buckets[bucket][key]

    def list(self, bucket, prefix, delimiter, after, limit):
        """One page: objects and common prefixes in one order, and whether there are more behind it."""
        with self.lock:
            entries, last_prefix = [], None
            for key in sorted(self._bucket(bucket)):
                if not key.startswith(prefix):
                    continue
                head, found, _ = key[len(prefix):].partition(delimiter) if delimiter else ("", "", "")
                name = prefix + head + delimiter if found else key
                if name <= after or name == last_prefix:
                    continue
                if len(entries) == limit:
                    return entries, True
                if found:
                    last_prefix = name
                entries.append((name, None if found else self.buckets[bucket][key]))
            return entries, False

    def initiate(self, bucket, key, headers):
        with self.lock:
            self._bucket(bucket)
            upload = uuid.uuid4().hex
            self.uploads[upload] = (bucket, key, headers, {})
            return upload

    def put_part(self, upload, number, data):
        with self.lock:
            etag = '"%s"' % hashlib.md5(data).hexdigest()
            self._upload(upload)[3][number] = (etag, data)
            return etag

    def complete(self, upload, listed):
        with self.lock:
            bucket, key, headers, parts = self._upload(upload)
            if not listed or [n for n, _ in listed] != sorted({n for n, _ in listed}):
                raise Refused(400, "InvalidPartOrder", "the parts are not in ascending order")
            for number, etag in listed:
                if number not in parts or parts[number][0].strip('"') != etag.strip('"'):
                    raise Refused(400, "InvalidPart", f"part {number} was not uploaded with that ETag")
            if any(len(parts[n][1]) < SMALLEST_PART for n, _ in listed[:-1]):
                raise Refused(400, "EntityTooSmall", "a part but for the last is under 5 MiB")
            del self.uploads[upload]
            data = b"".join(parts[n][1] for n, _ in listed)
            return self._put(bucket, key, data, '"%s-%d"' % (hashlib.md5(data).hexdigest(), len(listed)), headers, None)

    def abort(self, upload):
        with self.lock:
            self._upload(upload)
            del self.uploads[upload]

    # The rest is called with the lock held.

    def _bucket(self, bucket):
        if bucket not in self.buckets:
            raise Refused(404, "NoSuchBucket", "the bucket does not exist")
        return self.buckets[bucket]

    def _upload(self, upload):
        if upload not in self.uploads:
            raise Refused(404, "NoSuchUpload", "the upload does not exist")
        return self.uploads[upload]

    def _get(self, bucket, key, generation=None):
        found = self._bucket(bucket).get(key)
        if found is None or generation not in (None, found.generation):
            raise Refused(404, "NoSuchKey", "the object does not exist")
        return found

    def _check(self, found, generation_match):
        if generation_match is not None and generation_match != (found.generation if found else 0):
            raise Refused(412, "PreconditionFailed", "the generation is another")

    def _put(self, bucket, key, data, etag, headers, generation_match):
        self._check(self._bucket(bucket).get(key), generation_match)
        # Generations rise, also within one microsecond.
        self.last_generation = max(self.last_generation + 1, int(time.time() * 1e6))
        made = Object(data, etag, self.last_generation, time.time(), headers)
        self.buckets[bucket][key] = made
        return made


class Handler(BaseHTTPRequestHandler):
    """Requests in, answers out. What an operation does is the store's."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes: without this each answer waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    store = Store()

    def log_message(self, *_):
        pass

    def handle_request(self):
        # The body is read first, whatever the answer: the connection is used again.
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        bucket, _, key = url.path.lstrip("/").partition("/")
        query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        try:
            try:
                self.route(unquote(bucket), unquote(key), query, body)
            except (ValueError, KeyError) as e:
                raise Refused(400, "InvalidArgument", f"not understood: {e}") from e
        except Refused as e:
            document = f"<Error><Code>{e.code}</Code><Message>{escape(str(e))}</Message></Error>"
            self.answer(e.status, document.encode(), {"Content-Type": "application/xml"})

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def route(self, bucket, key, query, body):
        operation = (self.command, "object" if key else "bucket")
        match operation:
            case ("PUT", "bucket"):
                self.store.create(bucket)
                self.answer(200)
            case ("GET", "bucket"):
                self.list(bucket, query)
            case ("PUT", "object") if "uploadId" in query:
                self.without_precondition()
                self.answer(200, headers={"ETag": self.store.put_part(query["uploadId"], int(query["partNumber"]), body)})
            case ("PUT", "object") if source := self.headers.get("x-goog-copy-source"):
                made = self.store.copy(unquote(source), bucket, key, self.generation_match())
                self.document("CopyObjectResult", f"<ETag>{escape(made.etag)}</ETag>", describe(made))
            case ("PUT", "object"):
                self.answer(200, headers=describe(self.store.put(bucket, key, body, self.kept(), self.generation_match())))
            case ("POST", "object") if "uploads" in query:
                self.without_precondition()
                upload = self.store.initiate(bucket, key, self.kept())
                names = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key>"
                self.document("InitiateMultipartUploadResult", f"{names}<UploadId>{upload}</UploadId>")
            case ("POST", "object") if "uploadId" in query:
                self.without_precondition()
                made = self.store.complete(query["uploadId"], list(parts_of(body)))
                self.document("CompleteMultipartUploadResult", f"<ETag>{escape(made.etag)}</ETag>", describe(made))
            case ("GET" | "HEAD", "object"):
                generation = query.get("generation")
                self.read(self.store.get(bucket, key, int(generation) if generation else None))
            case ("DELETE", "object") if "uploadId" in query:
                self.store.abort(query["uploadId"])
                self.answer(204)
            case ("DELETE", "object"):
                self.store.delete(bucket, key, self.generation_match())
                self.answer(204)
            case _:
                raise Refused(405, "MethodNotAllowed", f"{self.command} is not served here")

    def read(self, found):
        # A header about the ETag makes the one about the time void, as in RFC 9110, section 13.2.2.
        match, unless = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        since, until = self.instant("If-Modified-Since"), self.instant("If-Unmodified-Since")
        if match not in ("*", found.etag) if match else until is not None and int(found.written) > until:
            raise Refused(412, "PreconditionFailed", "the object is another")
        headers = {**found.headers, **describe(found), "Last-Modified": formatdate(found.written, usegmt=True)}
        if unless in ("*", found.etag) if unless else since is not None and int(found.written) <= since:
            return self.answer(304, headers=headers)
        size = len(found.data)
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if not asked or asked.groups() == ("", ""):
            return self.answer(200, found.data, headers)
        first, last = asked.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(size, int(last) + 1) if first and last else size
        if start >= end:
            raise Refused(416, "InvalidRange", "the range lies outside the object")
        self.answer(206, found.data[start:end], {**headers, "Content-Range": f"bytes {start}-{end - 1}/{size}"})

    def list(self, bucket, query):
        prefix = query.get("prefix", "")
        after = max(query.get("start-after", ""), query.get("continuation-token", ""))
        limit = min(PAGE, int(query.get("max-keys", PAGE)))
        entries, more = self.store.list(bucket, prefix, query.get("delimiter", ""), after, limit)
        xml = [f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix>"]
        xml.append(f"<KeyCount>{len(entries)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>")
        if more:
            xml.append(f"<NextContinuationToken>{escape(entries[-1][0])}</NextContinuationToken>")
        for name, found in entries:
            if found is None:
                xml.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
                continue
            written = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(found.written)) + ".000Z"
            xml.append(f"<Contents><Key>{escape(name)}</Key><Size>{len(found.data)}</Size><ETag>{escape(found.etag)}</ETag>")
            xml.append(f"<Generation>{found.generation}</Generation><LastModified>{written}</LastModified></Contents>")
        self.document("ListBucketResult", "".join(xml))

    def instant(self, name):
        value = self.headers.get(name)
        return None if value is None else parsedate_to_datetime(value).timestamp()

    def generation_match(self):
        value = self.headers.get(GENERATION_MATCH)
        return None if value is None else int(value)

    def without_precondition(self):
        if self.headers.get(GENERATION_MATCH) is not None:
            raise Refused(400, "NotImplemented", "a multipart upload takes no precondition")

    def kept(self):
        return {k: v for k, v in self.headers.items() if k.lower() in KEPT or k.lower().startswith("x-goog-meta-")}

    def document(self, root, inside, headers=None):
        body = f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inside}</{root}>'.encode()
        self.answer(200, body, {"Content-Type": "application/xml", **(headers or {})})

    def answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)


def describe(found):
    return {"ETag": found.etag, "x-goog-generation": str(found.generation), "x-goog-stored-content-length": str(len(found.data))}


def parts_of(body):
    """(number, ETag) of each part that a completing request lists, with or without an XML namespace."""
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Refused(400, "MalformedCompleteMultipartUploadRequest", "the body is no XML") from None
    for part in root:
        fields = {child.tag.rpartition("}")[2]: child.text or "" for child in part}
        yield int(fields["PartNumber"]), fields["ETag"]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # A race of many clients opens its connections at once.
    request_queue_size = 128


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Handler.store.create(name)
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
