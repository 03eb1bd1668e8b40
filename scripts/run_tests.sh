#!/usr/bin/env bash
# All tests but the long proofs, in three parts at once: those that start processes of their own wait for them most of
# the time. Coverage, which nearly doubles what a test costs, is measured where the rest would add nothing to it.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly COVERED=".venv/bin/coverage run -m pytest"
readonly PLAIN=".venv/bin/python -m pytest"
folder=$(mktemp -d)
pids=()
later() { # NAME COMMAND...: beside the others; what it says is shown at the end
    local name=$1
    shift
    "$@" >"$folder/$name" 2>&1 &
    pids+=("$!")
}
# Who stops this does not want the others to go on alone.
trap 'for pid in "${pids[@]}"; do pkill -TERM -P "$pid" 2>/dev/null; kill -TERM "$pid" 2>/dev/null; done; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
# What has bounds of time over several processes goes first; what only computes takes the rest.
later commands $COVERED -m "slow and not prove" tests/cli
later processes $PLAIN -m "slow and not prove" --ignore tests/cli
nice -n 10 $COVERED -m "not slow and not prove"
status=$?
echo "Now those that start processes of their own; they have been running meanwhile."
for pid in "${pids[@]}"; do
    wait "$pid" || status=1
done
cat "$folder"/*
exit "$status"
