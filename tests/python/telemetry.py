#!/usr/bin/env python3
"""Nights that are told to Prometheus and to OpenTelemetry, read by what others wrote.

usage: telemetry.py BINARY [--users N]

Two tenants have a night, then one that goes wrong, then one that nobody answers. The file is read by the Python client of Prometheus, what a small
server gets of OTLP by OpenTelemetry's own messages; both must say what the records of the runs say. A collector that is slow, refuses or is not there
must change no exit code. Exits 1 where something is wrong."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from prometheus_client.parser import text_string_to_metric_families

from night import SECRET, TODAY, Emulator

TOKEN = "Bearer not-to-be-shown-7Zt"
REPORTS = ["getEmailActivityUserDetail", "getEmailActivityCounts"]
failures = []


def check(good, what, *more):
    if not good:
        failures.append(what)
    print(f"{'ok' if good else 'WRONG'}: {what}", *([] if good else more), flush=True)


class Collector(ThreadingHTTPServer):
    """Takes what it is sent. `answer` is what it says to it: a status, a body, and after how long."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Taker)
        self.answer = (200, b"", 0)
        self.clear()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def clear(self):
        self.spans, self.metrics, self.headers, self.resources = [], {}, [], []


class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.headers.append((self.path, self.headers["Content-Type"], self.headers["Authorization"]))
        if self.path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                server.resources.append(resource.resource)
                for scope in resource.scope_spans:
                    server.spans += scope.spans
        elif self.path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                server.resources.append(resource.resource)
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        server.metrics[metric.name] = metric
        status, answer, wait = server.answer
        time.sleep(wait)
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            pass  # It was not waited for.

    def log_message(self, *_):
        pass


def attributes(of):
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in of.attributes}


class Place:
    """Two tenants of one emulator, a lake, and what is told."""

    def __init__(self, binary, folder, address):
        self.binary, self.folder, self.address = binary, folder, address
        self.file = folder / "usagelake.prom"

    def run(self, otlp, *arguments, secret=SECRET, today=TODAY, lake=None):
        address = self.address
        tenants = "".join(
            f'[tenant.{name}]\nid = "{name}"\nauth = {{ method = "client-secret", client_id = "app", secret = {{ env = "USAGELAKE_CLIENT_SECRET" }} }}\n'
            f'endpoints = {{ login = "{address}", graph = "{address}" }}\npace = {{ requests = 100000, per = "1s" }}\n'
            for name in ("contoso", "fabrikam")
        )
        config = self.folder / "usagelake.toml"
        config.write_text(
            f'[marts]\nbuild = true\n[telemetry]\nprometheus = "{self.file}"\notlp = "{otlp}"\notlp_headers = {{ Authorization = {{ env = "OTLP_TOKEN" }} }}\n{tenants}'
        )
        environment = {**os.environ, "USAGELAKE_CLIENT_SECRET": secret, "OTLP_TOKEN": TOKEN}
        command = [self.binary, "run", "--json", "--config", config, "--lake", lake or self.folder / "lake", "--today", today, *arguments]
        begun = time.time()
        ran = subprocess.run([str(c) for c in command], env=environment, capture_output=True, text=True)
        records = json.loads(ran.stdout) if ran.stdout else []
        check(TOKEN not in ran.stdout + ran.stderr, "the collector's token is not printed")
        return ran, {r["tenant"]: r for r in records}, (begun, time.time())

    def series(self):
        """The file's values, by name and labels."""
        text = self.file.read_text()
        found = {}
        for family in text_string_to_metric_families(text):
            check(family.type == "gauge" and family.documentation, f"{family.name} has a type and a help") if family.type != "gauge" else None
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                check(key not in found, f"{key} stands once") if key in found else None
                found[key] = sample.value
        check(SECRET not in text and "@" not in text, "nobody and no secret is in the file") if SECRET in text or "@" in text else None
        return found


def one(series, name, **labels):
    return series.get((name, tuple(sorted(labels.items()))))


FIGURES = {
    "usagelake_report_asked": "asked",
    "usagelake_report_published": "published",
    "usagelake_report_rows": "rows",
    "usagelake_report_bytes": "bytes",
    "usagelake_report_attempts": "attempts",
    "usagelake_report_rejected_cells": "rejected_cells",
    "usagelake_report_waited_seconds": "waited_seconds",
}


def agrees(series, records):
    """Every figure of the records stands in the file."""
    wrong = []
    for tenant, record in records.items():
        for report in record["reports"] + record["directory"]:
            for name, figure in FIGURES.items():
                said = one(series, name, tenant=tenant, report=report["report"])
                if said != report[figure]:
                    wrong.append((name, tenant, report["report"], said, report[figure]))
            for outcome in ("landed", "unchanged", "empty", "late", "failed", "held"):
                said = one(series, "usagelake_report_windows", tenant=tenant, report=report["report"], outcome=outcome)
                if said != report[outcome]:
                    wrong.append((tenant, report["report"], outcome, said, report[outcome]))
        built = sum(m["built"] for m in record["marts"]["models"]) if record.get("marts") else None
        if one(series, "usagelake_marts_built", tenant=tenant) != built:
            wrong.append((tenant, "marts", built))
    return wrong


def tree(spans, records, times):
    """What is wrong with a night's spans."""
    wrong, by_id = [], {s.span_id: s for s in spans}
    if len(by_id) != len(spans):
        wrong.append("ids of spans repeat")
    roots = [s for s in spans if not s.parent_span_id]
    if len(roots) != len(records) or len({s.trace_id for s in spans}) != len(records):
        wrong.append(f"{len(roots)} roots for {len(records)} tenants")
    for span in spans:
        begun, ended = span.start_time_unix_nano / 1e9, span.end_time_unix_nano / 1e9
        if not times[0] - 0.01 <= begun <= ended <= times[1] + 0.01:
            wrong.append(f"{span.name}: its time is not that of the command")
        parent = by_id.get(span.parent_span_id)
        if span.parent_span_id and (not parent or parent.trace_id != span.trace_id):
            wrong.append(f"{span.name}: it has no parent")
        elif parent and not (parent.start_time_unix_nano <= span.start_time_unix_nano and span.end_time_unix_nano <= parent.end_time_unix_nano):
            wrong.append(f"{span.name}: it is not within {parent.name}")
    for tenant, record in records.items():
        root = next(s for s in roots if attributes(s)["usagelake.tenant"] == tenant)
        if attributes(root)["usagelake.run"] != record["run"]:
            wrong.append(f"{tenant}: another run")
        children = {}
        for span in spans:
            children.setdefault(span.parent_span_id, []).append(span)
        steps = [s.name for s in children[root.span_id] if s.name in ("marts", "manifest", "retention")]
        if steps != ["marts", "manifest", "retention"]:
            wrong.append(f"{tenant}: {steps}")
        reports = {attributes(s)["usagelake.report"]: s for s in children[root.span_id] if "usagelake.report" in attributes(s)}
        for report in record["reports"] + record["directory"]:
            if not report["asked"]:
                continue
            span = reports.get(report["report"])
            windows = children.get(span.span_id, []) if span else []
            if len(windows) != report["asked"]:
                wrong.append(f"{tenant}: {report['report']}: {len(windows)} windows of {report['asked']}")
            said = {o: sum(attributes(w)["usagelake.outcome"] == o for w in windows) for o in ("landed", "empty", "failed")}
            if any(said[o] != report[o] for o in said):
                wrong.append(f"{tenant}: {report['report']}: {said}")
            if span and attributes(span)["usagelake.rows"] != report["rows"]:
                wrong.append(f"{tenant}: {report['report']}: rows")
            requests = [r for w in windows for r in children.get(w.span_id, [])]
            # Each attempt is a request to Graph; downloads follow.
            graph = [r for r in requests if "/v1.0/" in attributes(r)["url.full"] or "/beta/" in attributes(r)["url.full"]]
            if len(graph) != report["attempts"]:
                wrong.append(f"{tenant}: {report['report']}: {len(graph)} requests of {report['attempts']}")
            for request in requests:
                said = attributes(request)
                good = request.kind == Span.SPAN_KIND_CLIENT and said["http.request.method"] == "GET" and said["server.address"] == "127.0.0.1"
                if not good or "?" in said["url.full"] or "download" in said["url.full"] or "server.port" not in said:
                    wrong.append(f"{said}")
                if (said.get("http.response.status_code", 0) >= 400) != (request.status.code == Status.STATUS_CODE_ERROR):
                    wrong.append(f"{said}: {request.status}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--users", type=int, default=20)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Emulator(a.binary, a.users, 40) as emulator:
        nights(Place(a.binary, Path(folder), emulator.address), Collector(), a)
    sys.exit(len(failures) > 0)


def nights(place, collector, a):
    otlp = f"http://127.0.0.1:{collector.server_port}"

    ran, records, times = place.run(otlp, "--report", *REPORTS)
    check(ran.returncode == 0 and "warning" not in ran.stderr, "a run of two reports", ran.stderr)
    check(one(place.series(), "usagelake_run_last_success_timestamp_seconds", tenant="contoso") == 0, "a run of some reports is no night")

    collector.clear()
    ran, records, times = place.run(otlp)
    check(ran.returncode == 0 and len(records) == 2 and "warning" not in ran.stderr, "a night of two tenants", ran.stderr)
    series = place.series()
    check(not agrees(series, records), "the file says what the records say", agrees(series, records)[:5])
    success = one(series, "usagelake_run_last_success_timestamp_seconds", tenant="contoso")
    check(times[0] <= success <= times[1], "the success is of now, whatever day the run takes for today", success, times)
    check(one(series, "usagelake_exit_code") == 0, "the exit code")
    check(not tree(collector.spans, records, times), "the spans are the night", tree(collector.spans, records, times)[:5])
    points = {}
    for name, metric in collector.metrics.items():
        for point in metric.gauge.data_points:
            points[(name, tuple(sorted(attributes(point).items())))] = point.as_double
            good = times[0] - 0.01 <= point.start_time_unix_nano / 1e9 <= point.time_unix_nano / 1e9 <= times[1] + 0.01
            check(good, f"{name}: its time") if not good else None
    check(points == series, "both ways say the same", len(points), len(series), list(set(points.items()) ^ set(series.items()))[:5])
    services = {attributes(r).get("service.name") for r in collector.resources}
    check(services == {"usagelake"}, "the service is named", services)
    sent = set(collector.headers)
    check(sent == {(f"/v1/{s}", "application/x-protobuf", TOKEN) for s in ("traces", "metrics")}, "the collector is spoken to as it wants", sent)
    texts = [str(v) for s in collector.spans for v in (s.name, s.status.message, *attributes(s).values())]
    texts += [str(v) for m in collector.metrics.values() for p in m.gauge.data_points for v in attributes(p).values()]
    told = [t for t in texts if re.search(r"@|eyJ|/data/download", t) or SECRET in t.replace("client_secret", "")]
    check(not told, "nobody and no secret is sent", told[:3])

    # A collector that is no help changes nothing.
    part = ("--report", REPORTS[1], "--tenant", "contoso")
    for answer, words in (
        ((503, b"", 0), "the OpenTelemetry collector refused the"),
        ((307, b"", 0), "the OpenTelemetry collector refused the"),
        ((200, ExportMetricsServiceResponse(partial_success={"rejected_data_points": 3}).SerializeToString(), 0), "did not take all"),
        ((200, b"", 30), "the OpenTelemetry collector"),
    ):
        collector.answer = answer
        ran, _, times = place.run(otlp, *part)
        check(ran.returncode == 0 and words in ran.stderr, f"a collector that answers {answer} is a warning", ran.returncode, ran.stderr)
        check(times[1] - times[0] < 20, "and is not waited for", times[1] - times[0]) if answer[2] else None
    collector.answer = (200, b"", 0)
    ran, _, _ = place.run("http://127.0.0.1:9", *part)
    check(ran.returncode == 0 and "was not reached" in ran.stderr, "a collector that is not there is a warning", ran.stderr)

    # A tenant that cannot sign in, and a lake that is not there: the file says so, and when it was well for the last time.
    collector.clear()
    ran, _, times = place.run(otlp, secret="a wrong one", today="2026-11-21")
    series = place.series()
    check(ran.returncode == 1 and one(series, "usagelake_exit_code") == 1, "a night that cannot sign in fails", ran.returncode, ran.stderr[-500:])
    check(one(series, "usagelake_run_outcome", tenant="contoso", outcome="failed") == 1, "the file says so")
    check(one(series, "usagelake_run_last_success_timestamp_seconds", tenant="contoso") == success, "and when it was well for the last time")
    check(times[0] <= one(series, "usagelake_run_last_timestamp_seconds", tenant="contoso") <= times[1], "and when it was tried")
    roots = [s for s in collector.spans if not s.parent_span_id]
    check([r.status.code for r in roots] == [Status.STATUS_CODE_ERROR] * 2 and all(attributes(r)["error.type"] for r in roots), "the trace says so", roots)
    (place.folder / "file").write_text("")
    ran, _, _ = place.run(otlp, lake=place.folder / "file" / "lake")
    series = place.series()
    check(ran.returncode == 1 and one(series, "usagelake_run_outcome", tenant="fabrikam", outcome="failed") == 1, "a lake that is not there is told", ran.stderr)
    check(one(series, "usagelake_run_last_success_timestamp_seconds", tenant="contoso") == success, "and the success stays")

    place.file = place.folder / "nowhere" / "usagelake.prom"
    ran, _, _ = place.run(otlp, *part)
    check(ran.returncode == 0 and "the file for Prometheus cannot be written" in ran.stderr, "a file that cannot be written is a warning", ran.stderr)


if __name__ == "__main__":
    main()
