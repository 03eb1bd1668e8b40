#!/usr/bin/env bash
# All tests but the long proofs, two at once: those that start processes of their own wait for them most of the time.
# Coverage, which nearly doubles what a test costs, is measured where the rest would add nothing to it.
set -uo pipefail
cd "$(dirname "$0")/.."
readonly COVERED=".venv/bin/coverage run -m pytest"
readonly PLAIN=".venv/bin/python -m pytest"
# What tests write is thrown away, and nobody pulls the plug: in memory, where there is room for it, nothing waits for a
# disk. Where programs may not be started from it, it is of no use. The name is short, since it is part of sockets' names.
readonly MEMORY=/dev/shm ROOM_KIB=$((6 * 1024 * 1024))
has_room() {
  [[ -w $MEMORY ]] && ! findmnt --noheadings --output OPTIONS "$MEMORY" | grep --quiet noexec &&
    (($(df --output=avail "$MEMORY" | tail -1) > ROOM_KIB)) &&
    (($(awk '/^MemAvailable/ {print $2}' /proc/meminfo) > 2 * ROOM_KIB))
}
if [[ -z ${TMPDIR:-} ]] && has_room; then TMPDIR=$MEMORY; fi
TMPDIR=$(mktemp --directory "${TMPDIR:-/tmp}/tt.XXXX") || exit
# As /tmp itself: the database of the tests runs, and cleans up, as somebody else.
chmod 1777 "$TMPDIR"
export TMPDIR
readonly later=$TMPDIR/later
# What has bounds of time over several processes goes first; what only computes takes the rest.
$PLAIN -m "slow and not prove" --ignore tests/cli >"$later" 2>&1 &
processes=$!
# Who stops this does not want the others to go on alone.
trap 'pkill -TERM -P "$processes" 2>/dev/null; kill -TERM "$processes" 2>/dev/null; rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM
nice -n 10 $COVERED -m "not slow and not prove"
status=$?
$COVERED -m "slow and not prove" tests/cli || status=1
echo "Now those that start processes of their own; they have been running meanwhile."
wait "$processes" || status=1
cat "$later"
exit "$status"
