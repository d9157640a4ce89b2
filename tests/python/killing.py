"""Commands of usagelake that are killed and gone on with, on disk and in stores, as tests do it; it is no program."""

import json
import os
import random
import signal
import subprocess
import urllib.parse
from collections import Counter

from lakes import LEASE, S3, Azure, Disk, Gcs, Proxy, difference, portrait
from night import SECRET

STORES = {"azure": (Azure, "USAGELAKE_TEST_AZURITE"), "s3": (S3, "USAGELAKE_TEST_S3"), "gcs": (Gcs, "USAGELAKE_TEST_GCS")}
# Calls go to whichever thread is free, so each has few; the first of one may be that of something else.
OF_A_THREAD = [2, 3]
# An object that is written anew is newer than the ledger says until that is written too, and on disk half of one may be left.
NEWER = {"size", "hash", "rows", "missing", "foreign", "half-written"}
failures = []


def check(good, what):
    if not good:
        failures.append(what)
    print(f"{'ok' if good else 'WRONG'}: {what}", flush=True)


def lakes_of(stores, scratch):
    """The lakes by their kind: on disk, and in those of the stores that are there."""
    lakes = {"disk": Disk(scratch)}
    for kind in stores:
        of, variable = STORES[kind]
        if address := os.environ.get(variable):
            lakes[kind] = of(address)
        else:
            print(f"{variable} is not set: not in {kind}")
    return lakes


class Place:
    """Lakes of one kind, and the commands that are asked of them."""

    def __init__(self, kind, lake, binary, today):
        self.kind, self.lake, self.binary, self.today = kind, lake, binary, today
        self.mine = "" if kind == "disk" else f"killed-{os.getpid()}"

    def name(self, name):
        return f"{self.mine}-{name}" if self.mine else name

    def ask(self, name, *arguments, code=0):
        """A command on a lake; what it printed."""
        command = [self.binary, *arguments, "--lake", self.lake.url(self.name(name))]
        environment = {**os.environ, **self.lake.environment(), "USAGELAKE_CLIENT_SECRET": SECRET}
        done = subprocess.run([str(a) for a in command], capture_output=True, text=True, env=environment, timeout=300)
        if done.returncode != code:
            check(False, f"{self.kind}: usagelake {arguments[0]} of {name} ends with {done.returncode}: {done.stderr[-600:]}{done.stdout[-300:]}")
        return done

    def verified(self, name, today=None):
        """What `verify` finds, and how often."""
        command = [self.binary, "verify", "--json", "--today", today or self.today, "--lake", self.lake.url(self.name(name))]
        done = subprocess.run([str(a) for a in command], capture_output=True, text=True, env={**os.environ, **self.lake.environment()}, timeout=300)
        return Counter(finding["wrong"] for finding in json.loads(done.stdout)[0]["findings"])

    def put(self, name, files):
        for key, body in files.items():
            if key == LEASE:
                # The lock of a folder is an empty file, and no lease.
                continue
            if self.kind != "disk":
                self.lake.ask("PUT", f"/{urllib.parse.quote(f'{self.name(name)}/{key}')}", body=body, headers=self.lake.PUT)
            else:
                path = self.lake.folder / name / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)

    def read(self, name):
        return self.lake.read(self.name(name))

    def portrait(self, name):
        # The key of the list of the forgotten is another one each time.
        return {k: v for k, v in portrait(self.lake, self.name(name)).items() if not k.startswith("_usagelake/forgotten/")}

    def starter(self, *arguments):
        """What starts a command on a lake of this kind, by its name; that, through a proxy or under strace."""

        def starter(name):
            def start(before=(), proxy=None):
                command = [*before, self.binary, *arguments, "--lake", self.lake.url(self.name(name))]
                environment = {**os.environ, **self.lake.environment(proxy), "USAGELAKE_CLIENT_SECRET": SECRET}
                return subprocess.Popen([str(a) for a in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

            return start

        return starter


# ---- kills -------------------------------------------------------------------------------------------------------------------


# Where the lease is and the mark of a run, which are there before anything else is written, and go after it.
LOCK = "_usagelake/lock/"


def deletes(method, path):
    return (method == "DELETE" or "comp=batch" in path or method == "POST" and path.endswith("?delete")) and LOCK not in path


def writes(method, path):
    return (method == "PUT" or deletes(method, path)) and LOCK not in path


def at_a_request(place, name, start, wanted, at, kind):
    """Kills a command at a request that `wanted` is true of, the one with this number; whether it was reached, and how many there were."""
    proxy, seen = Proxy(place.lake), [0]

    def plan(method, path):
        this = wanted(method, path)
        seen[0] += this
        return kind if this and seen[0] == at else None

    proxy.plan = plan
    try:
        with proxy.lock:
            process = proxy.victim = start(proxy=proxy)
        process.communicate(timeout=300)
        return process.returncode == -signal.SIGKILL, seen[0]
    finally:
        proxy.shutdown()
        place.lake.break_lease(place.name(name))


def killed(place, name, start, wanted, calls, dice, most):
    """Kills a command while it does something; where, and whether it was reached."""
    if place.kind == "disk":
        # The first thread that has done so many: which one that is, and how many others there were before, is chance.
        call, at = dice.choice(calls), dice.choice(OF_A_THREAD)
        process = start(before=["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={at}"])
        process.communicate(timeout=300)
        return f"{call} {at} of a thread", process.returncode == -signal.SIGKILL
    at, kind = dice.randint(1, most), dice.choice(["kill-before", "kill-after"])
    return f"{kind.removeprefix('kill-')} request {at}", at_a_request(place, name, start, wanted, at, kind)[0]


def all_killed(what, places, options, files, starter, again, want, wanted=writes, calls=("rename", "unlink"), besides=NEWER):
    """A command that is killed and gone on with, N times by turns in each place. `starter` gives for a place what starts it on a
    lake, `again` does it once more. `besides` is what `verify` may say of a lake that is interrupted."""
    most, kills, before = {}, 0, Counter()
    for place in places:
        place.put("counted", files)
        before = place.verified("counted")
        if place.kind != "disk":
            # Every request is counted, none harmed.
            most[place.kind] = at_a_request(place, "counted", starter(place)("counted"), wanted, 0, None)[1]
        place.lake.remove(place.name("counted"))
    for n in range(options.kills) if options.round is None else [options.round]:
        dice, place, name = random.Random(f"{what} {options.seed} {n}"), places[n % len(places)], f"killed-{n}"
        place.put(name, files)
        # Half of them are killed once more on their way back.
        for _ in range(dice.choice([1, 2])):
            told, reached = killed(place, name, starter(place)(name), wanted, calls, dice, most.get(place.kind))
            found = place.verified(name)
            # Before the mark of the run is there nothing is written, and after it is gone all is.
            fits = set(found) <= {"interrupted", *besides} if found["interrupted"] else found in (before, Counter())
            check(fits or not reached, f"{what} on {place.kind}, round {n}: {'killed' if reached else 'not killed'} at {told}: verify says {dict(found)}")
            kills += reached
        again(place, name)
        wrong, found = difference(want, place.portrait(name)), place.verified(name)
        check(not wrong and not found, f"{what} on {place.kind}, round {n}: once more ends in the same lake {wrong[:4]} {dict(found)}")
        place.lake.remove(place.name(name))
    check(kills > 0, f"{what}: {kills} kills")
