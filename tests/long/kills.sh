#!/usr/bin/env bash
# The proof that a kill costs work and never data, at length: 500 kills on local disk and 200 over Azurite, faults of the
# store, every other command that writes, on disk, in Azurite, S3 and GCS, and writers that are stopped past their lease and wake, over
# Azurite and S3.
#
# usage: tests/long/kills.sh BINARY [SEED] [DISK AZURE FAULTS]
#
# BINARY should be a release build. Prints a line for each proof: the seed, how many kills at how many points, how many lakes
# differ from that of an undisturbed night, and the time. A round that fails prints the command that repeats it alone.
set -euo pipefail

binary=$(realpath "$1")
seed=${2:-1} disk=${3:-500} azure=${4:-200} faults=${5:-20}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/install.sh
need python3
system_tool strace
python_with tests/python/requirements.txt

failed=0
prove() { "$@" || failed=1; }
served() { prove tests/run.sh -- "$python" "$@"; }
prove "$python" tests/python/kills.py "$binary" --seed "$seed" --kills "$disk" --users 10
# Azurite looks for extents that nobody needs after ten minutes, and one core does nothing else for as long again: every part has
# a server of its own, and is over by then.
parts=4
for part in $(seq 0 $((parts - 1))); do
  served tests/python/kills.py "$binary" --seed $((seed + part)) --kills $((azure / parts)) --faults $((faults / parts)) --users 10 --store azurite
done
served tests/python/aged.py "$binary" --seed "$seed" --kills 24
served tests/python/killed.py "$binary" --seed "$seed" --kills 24
served tests/python/pauses.py "$binary"
served tests/python/pauses.py "$binary" --store s3
exit $failed
