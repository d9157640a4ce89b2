#!/usr/bin/env bash
# Random bytes for everything that reads what somebody else wrote: libFuzzer, from the corpus beside this file.
#
# usage: tests/fuzz/run.sh [--seconds N] [--keep] [TARGET…]
#
#   --seconds N   for each target; 20 by default, 1200 is what a note quotes
#   --keep        adds what was found on the way to the corpus, as little of it as covers the same
#   TARGET        csv json config error retry_after; all of them by default
#
# Whatever fails is left in tests/fuzz/found/ and is put into the corpus once it is mended. Needs a C++ compiler, for
# libFuzzer. The last line is `N passed, N failed`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
fuzz=tests/fuzz seconds=20 keep= targets=()
while (($#)); do
  case $1 in
    --seconds) seconds=$2; shift ;;
    --keep) keep=1 ;;
    -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) echo "error: unknown argument \`$1\`, see $fuzz/run.sh --help" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
((${#targets[@]})) || targets=(csv json config error retry_after)

RUSTC_WORKSPACE_WRAPPER=$PWD/$fuzz/instrument.sh cargo build --locked --quiet --package usagelake-fuzz
binary=${CARGO_TARGET_DIR:-target}/debug/usagelake-fuzz
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p $fuzz/found

passed=0 failed=0
for target in "${targets[@]}"; do
  export USAGELAKE_FUZZ=$target
  mkdir -p "$scratch/$target" "$fuzz/corpus/$target"
  if "$binary" "$scratch/$target" "$fuzz/corpus/$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 \
    -rss_limit_mb=2048 -artifact_prefix="$fuzz/found/$target-" -print_final_stats=1 -verbosity=0 >"$scratch/log" 2>&1; then
    passed=$((passed + 1))
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log") inputs in $seconds s, nothing found"
    [[ $keep ]] && "$binary" -merge=1 "$fuzz/corpus/$target" "$scratch/$target" >/dev/null 2>&1
  else
    failed=$((failed + 1))
    tail -n 40 "$scratch/log" >&2
    echo "$target: FAILED; the input is in $fuzz/found, USAGELAKE_FUZZ=$target $binary FILE repeats it"
  fi
done
rmdir $fuzz/found 2>/dev/null || true
echo "$passed passed, $failed failed"
((failed == 0))
