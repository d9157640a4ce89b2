# The proofs of the marts, as the test command and tests/long/marts_truth.sh run them. Sourced, not run.
#
# Needs `check NAME COMMAND…`, which runs a proof, and from tests/install.sh `python` and `spark`.
# shellcheck shell=bash disable=SC2154

# prove_marts BINARY FOLDER USERS MONTHS: lives through the nights of an emulated tenant, and has the marts that the nights
# left in FOLDER/lake recomputed from the emulator's truth, and made again by Spark.
prove_marts() {
  local binary=$1 folder=$2 lake=$2/lake told=(--pipeline "$2/pipeline.toml" --today 2026-11-20)
  check "nights of a tenant, and their marts" "$python" tests/python/marts_nights.py "$binary" "$folder" --users "$3" --months "$4"
  check "every measure of every mart is the oracle's" "$python" tests/python/marts_check.py "$lake" "$folder/truth" "${told[@]}"
  check "what was planted is found" "$python" tests/python/marts_planted.py "$lake" "$folder/truth"
  check "Spark answers every model" "$spark" -W ignore tests/python/marts_run.py "$lake" "$folder/spark" --engine spark --each --quiet "${told[@]}"
  check "Spark's rows are DataFusion's" "$python" tests/python/marts_compare.py "$lake" "$folder/spark" --staging
}
