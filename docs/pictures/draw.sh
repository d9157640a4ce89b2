#!/usr/bin/env bash
# The pictures beside this file: pages of the dashboard of a demo lake, as Chromium draws them.
# usage: docs/pictures/draw.sh USAGELAKE LAKE [--shared]      with PAGES="…" other pages, with OUT=… into another folder
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$1" dashboard --lake "$2" --out "$scratch/dashboard.html" ${3:-}
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
for page in ${PAGES:-adoption campaigns copilot executive-summary licences opportunities regions segments usage}; do
  "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1280,720 --user-data-dir="$scratch/profile" \
    --screenshot="${OUT:-$here}/$page.png" "file://$scratch/dashboard.html#$page" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; exit 1; }
done
