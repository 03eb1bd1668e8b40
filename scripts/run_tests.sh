#!/usr/bin/env bash
# All tests but the long proofs, in two halves at once: those that start processes of their own wait for them most of the time.
set -uo pipefail
cd "$(dirname "$0")/.."
half() { nice -n "$2" .venv/bin/coverage run -m pytest -m "$1 and not prove"; }
later=$(mktemp)
# What has bounds of time over several processes goes first; what only computes takes the rest.
half slow 0 >"$later" 2>&1 &
slow=$!
# Who stops the first half does not want the other to go on alone.
trap 'pkill -TERM -P "$slow" 2>/dev/null; rm -f "$later"' EXIT
trap 'exit 130' INT TERM
half "not slow" 5
status=$?
echo "Now those that start processes of their own; they have been running meanwhile."
wait "$slow" || status=1
cat "$later"
exit "$status"
