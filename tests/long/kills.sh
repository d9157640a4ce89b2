#!/usr/bin/env bash
# The proof that a kill costs work and never data, at length: 500 kills on local disk and 200 over Azurite, faults of the
# store, and writers that are stopped past their lease and wake, over Azurite and S3.
#
# usage: tests/run.sh -- tests/long/kills.sh BINARY [SEED] [DISK AZURE FAULTS]
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
prove() { "$python" "$@" || failed=1; }
prove tests/python/kills.py "$binary" --seed "$seed" --kills "$disk" --users 10
prove tests/python/kills.py "$binary" --seed "$seed" --kills "$azure" --faults "$faults" --users 10 --store azurite
prove tests/python/pauses.py "$binary"
prove tests/python/pauses.py "$binary" --store s3
exit $failed
