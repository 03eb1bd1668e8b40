#!/usr/bin/env bash
# All tests but the long proofs, two at once: those that start processes of their own wait for them most of the time.
# Coverage, which nearly doubles what a test costs, is measured where the rest would add nothing to it.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly COVERED=".venv/bin/coverage run -m pytest"
readonly PLAIN=".venv/bin/python -m pytest"
later=$(mktemp)
# What has bounds of time over several processes goes first; what only computes takes the rest.
$PLAIN -m "slow and not prove" --ignore tests/cli >"$later" 2>&1 &
processes=$!
# Who stops this does not want the others to go on alone.
trap 'pkill -TERM -P "$processes" 2>/dev/null; kill -TERM "$processes" 2>/dev/null; rm -f "$later"' EXIT
trap 'exit 130' INT TERM
nice -n 10 $COVERED -m "not slow and not prove"
status=$?
$COVERED -m "slow and not prove" tests/cli || status=1
echo "Now those that start processes of their own; they have been running meanwhile."
wait "$processes" || status=1
cat "$later"
exit "$status"
