# What the test command and CI install, once, outside the tree. Sourced, not run.
#
# Everything lies in USAGELAKE_CACHE, by default the folder for caches of the user; removing it costs only time. Versions
# are pinned, so that a red test means a change of ours.
# shellcheck shell=bash

cache=${USAGELAKE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/usagelake}

say() { printf '== %s\n' "$*" >&2; }

# need TOOL…: ends with what is missing and what to do.
need() {
  local missing=() tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  if ((${#missing[@]})); then
    echo "error: not found: ${missing[*]}" >&2
    echo "hint: the tests need a Rust toolchain (cargo), Node.js with npm, and Python 3.11 or later" >&2
    exit 1
  fi
}

# system_tool NAME [PACKAGE]: a program that no package registry of a language has. Debian's and Ubuntu's are installed where
# we may.
system_tool() {
  command -v "$1" >/dev/null && return
  local package=${2:-$1}
  local may=()
  ((EUID == 0)) || may=(sudo -n)
  if ! { command -v apt-get && "${may[@]}" apt-get update && "${may[@]}" apt-get install --yes "$package"; } >/dev/null 2>&1; then
    echo "error: not found: $1, and it could not be installed" >&2
    echo "hint: install the package $package of your system" >&2
    exit 1
  fi
  say "installed $1"
}

# once NAME COMMAND…: runs COMMAND unless it succeeded before under this name. Another pin is another name.
once() {
  local name=$1 begun=$SECONDS log
  shift
  [[ -e $cache/$name.done ]] && return
  mkdir -p "$cache"
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "error: could not install \`$name\` into $cache" >&2
    exit 1
  fi
  rm -f "$log"
  : >"$cache/$name.done"
  say "installed $name in $((SECONDS - begun)) s"
}

make_venv() {
  python3 -m venv --clear "$1"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"
}

# python_with FILE: sets `python` to one with the packages that FILE, a list in tests/python, names.
python_with() {
  # The newest readers ask for 3.11. Debian keeps venv in a package of its own.
  if ! python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "error: \`python3\` is older than 3.11 or has no venv: $(python3 --version 2>&1)" >&2
    echo "hint: install Python 3.11 or later; on Debian and Ubuntu the package python3-venv too" >&2
    exit 1
  fi
  local key
  key=$(cat tests/python/requirements*.txt | python3 -c '
import hashlib, sys
print(f"{sys.version_info[0]}.{sys.version_info[1]}-{hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:12]}")')
  local name
  name=$(basename "$1" .txt)-$key
  once "$name" make_venv "$cache/$name" "$1"
  # shellcheck disable=SC2034 # for the script that sources this
  python=$cache/$name/bin/python
}
