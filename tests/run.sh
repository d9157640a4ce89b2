#!/usr/bin/env bash
# The test command: everything that proves usagelake, from a fresh checkout, with nothing but loopback and the package
# registries.
#
# usage: tests/run.sh [--long] [-- COMMAND…]
#
#   --long        the full numbers: a larger emulated tenant, and tests that watch USAGELAKE_TEST_LONG
#   -- COMMAND…   runs COMMAND with the servers up instead of the tests: tests/run.sh -- cargo test store
#
# It installs Azurite, moto, the Parquet readers and Spark with a JVM once into USAGELAKE_CACHE, starts three object stores on
# free ports, runs `cargo test`, throws random bytes at what reads them, then has DuckDB, Polars and pyarrow read the lake of an
# emulated night and compares it with the emulator's truth. The marts of months of nights are recomputed from that truth, and made again by Spark. Every server
# is stopped, however it ends. The last line is `N passed, N failed`.
#
# USAGELAKE_PYTHON may name a Python that has tests/python/requirements.txt already.
#
# What the tests find in their environment, beside what the stores' own tools read:
#   USAGELAKE_TEST_AZURITE   http://127.0.0.1:PORT/devstoreaccount1, container `usagelake`, Azurite's published key
#   USAGELAKE_TEST_S3        http://127.0.0.1:PORT, bucket `usagelake`, region us-east-1, any key
#   USAGELAKE_TEST_GCS       http://127.0.0.1:PORT, bucket `usagelake`, no sign-in
#   USAGELAKE_TEST_LONG      1 with --long, else not set
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/install.sh
. tests/marts.sh
azurite=3.37.0
bucket=usagelake

users=200 days=120 kills=32 fuzz=20
command=()
while (($#)); do
  case $1 in
    --long) users=2000 days=180 kills=600 fuzz=1200; export USAGELAKE_TEST_LONG=1 ;;
    --) shift; command=("$@"); break ;;
    -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "error: unknown argument \`$1\`, see tests/run.sh --help" >&2; exit 2 ;;
  esac
  shift
done

need cargo node npm python3
# It kills a night at its system calls.
system_tool strace
# libFuzzer is C++.
system_tool c++ g++
python_with tests/python/requirements-spark.txt
spark=$python
python=${USAGELAKE_PYTHON:-}
[[ $python ]] || python_with tests/python/requirements.txt
readers=$python
python_with tests/python/requirements-powerbi.txt
dax=$python python=$readers
once "azurite-$azurite" npm install --prefix "$cache/azurite-$azurite" --no-audit --no-fund --omit=dev "azurite@$azurite"

# ---- servers ---------------------------------------------------------------------------------------------------------

scratch=$(mktemp -d)
servers=()
stop() {
  kill ${servers[@]+"${servers[@]}"} 2>/dev/null || true
  wait 2>/dev/null
  rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# serve NAME COMMAND…: starts a server and puts the address that it prints into the variable USAGELAKE_TEST_NAME.
serve() {
  local name=$1 out=$scratch/$1.out
  shift
  "$@" >"$out" 2>"$scratch/$name.err" </dev/null &
  servers+=($!)
  for _ in {1..600}; do
    if [[ -s $out ]]; then
      export "USAGELAKE_TEST_$name=$(head -n 1 "$out")"
      return
    fi
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  cat "$scratch/$name.err" >&2
  echo "error: the $name server did not start" >&2
  exit 1
}

serve AZURITE "$python" tests/servers/azurite.py "$cache/azurite-$azurite/node_modules/.bin/azurite-blob" $bucket
serve S3 "$python" tests/servers/s3.py $bucket
serve GCS "$python" tests/servers/gcs.py $bucket
# The variables that the stores' own tools read, so that az://usagelake, s3://usagelake and gs://usagelake just work.
export AZURE_STORAGE_USE_EMULATOR=true AZURITE_BLOB_STORAGE_URL=${USAGELAKE_TEST_AZURITE%/devstoreaccount1}
export AWS_ENDPOINT=$USAGELAKE_TEST_S3 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export GOOGLE_BASE_URL=$USAGELAKE_TEST_GCS
# A key that asks for no token: object_store 0.13 signs its writes even where GOOGLE_SKIP_SIGNATURE says not to.
export GOOGLE_SERVICE_ACCOUNT_KEY='{"disable_oauth": true, "client_email": "", "private_key": "", "private_key_id": ""}'
say "servers: Azurite $USAGELAKE_TEST_AZURITE, S3 $USAGELAKE_TEST_S3, GCS $USAGELAKE_TEST_GCS"

if ((${#command[@]})); then
  "${command[@]}"
  exit
fi

# ---- tests -----------------------------------------------------------------------------------------------------------

passed=0 failed=0

# check NAME COMMAND…: one test, by its exit code.
check() {
  local name=$1 begun=$SECONDS
  shift
  say "$name"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    say "FAILED: $name"
  fi
  say "$name took $((SECONDS - begun)) s"
}

# cargo's own tests, counted one by one. A suite that does not build is one failure.
begun=$SECONDS
say "cargo test"
if ! cargo test --locked --no-fail-fast 2>&1 | tee "$scratch/cargo.log"; then
  cargo_failed=1
fi
counts=$(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed;.*/\1 \2/p' "$scratch/cargo.log")
while read -r p f; do
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0}))
done <<<"$counts"
if [[ ${cargo_failed:-0} == 1 && $failed == 0 ]]; then
  failed=1
fi
say "cargo test took $((SECONDS - begun)) s"

# A night of an emulated tenant, read by others and compared with the truth.
cargo build --locked --quiet
binary=${CARGO_TARGET_DIR:-target}/debug/usagelake
night=$scratch/night
check "random bytes break nothing" bash tests/fuzz/run.sh --seconds $fuzz
check "the checks find what is broken" "$python" -m unittest discover --start-directory tests/python
# Of a tenant in which a group was deleted not long ago.
check "an emulated night" "$python" tests/python/night.py "$binary" "$night" --users $users --days $days --seed 5
check "every reader agrees" "$python" tests/python/readers.py "$night/lake"
check "what is shared tells of no small group" "$python" tests/python/disclosure.py "$night/lake"
check "the lake holds the truth" "$python" tests/python/truth.py "$night/lake" "$night/truth"
check "the demo" "$binary" demo --users 40 --days 200 --out "$scratch/demo"
check "the demo's lake is whole" "$binary" verify --lake "$scratch/demo" --tenant contoso
check "Prometheus and OpenTelemetry hear what the record says" "$python" tests/python/telemetry.py "$binary"
check "names that are markup stay text" "$python" tests/python/escapes.py "$binary"
check "who is forgotten is gone" "$python" tests/python/forget.py "$binary"
check "a lake in Azure is the lake on disk, and every reader reads it there" "$python" tests/python/in_azure.py "$binary" "$scratch/azure"
check "a lake that has grown old is the same on disk, in Azure, S3 and GCS, and whoever is killed in it is made good" "$python" tests/python/aged.py "$binary"
check "import, release, replay and marts that were killed are made good" "$python" tests/python/killed.py "$binary"
check "killed nights on disk are made good" "$python" tests/python/kills.py "$binary" --kills $kills
check "killed nights in Azure are made good, and so are those of a store that fails" \
  "$python" tests/python/kills.py "$binary" --store azurite --kills $((kills / 4)) --faults 2 --users 10
if [[ ${USAGELAKE_TEST_LONG:-} ]]; then
  check "a writer that wakes late changes nothing in Azure" "$python" tests/python/pauses.py "$binary"
fi
prove_marts "$binary" "$scratch/marts" 200 8

check "Power BI says what SQL says" "$dax" tests/python/powerbi.py "$binary"

say "in $SECONDS s"
echo "$passed passed, $failed failed"
((failed == 0))
