#!/usr/bin/env bash
# The proofs of the marts at length: 2,000 people and fourteen months, against the oracle and on Spark.
#
# usage: tests/long/marts_truth.sh BINARY FOLDER [USERS MONTHS]
#
# Prints what each proof says and how long it took, and ends at the first that fails. FOLDER is left for a look: about
# 3 GB. BINARY should be a release build.
set -euo pipefail

binary=$(realpath "$1")
folder=$(realpath -m "$2")
users=${3:-2000} months=${4:-14}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/install.sh
. tests/marts.sh
need python3
python_with tests/python/requirements-spark.txt
spark=$python
python_with tests/python/requirements.txt

check() {
  local name=$1 begun=$SECONDS
  shift
  say "$name"
  "$@"
  say "$name: $((SECONDS - begun)) s"
}

prove_marts "$binary" "$folder" "$users" "$months"
