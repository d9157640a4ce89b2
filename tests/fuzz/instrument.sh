#!/bin/sh
# Stands before rustc (RUSTC_WORKSPACE_WRAPPER): builds our own crates, and only them, with the counters that libFuzzer looks
# at. What stands here is what `cargo fuzz` passes, but for the sanitizer of addresses: it needs a nightly compiler, and what
# it looks for cannot be written here (`unsafe` is denied but in two places).
rustc=$1
shift
exec "$rustc" "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Copt-level=1 -Cdebug-assertions=on --cfg fuzzing
