#!/usr/bin/env bash
# Prints the Python to build .venv with. Debian's own comes first: its sqlite3 loads extensions, which some tests need.
set -euo pipefail

for python in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done

echo "Talktime needs Python 3.11 or newer with the venv module (on Debian: apt-get install python3-venv)." >&2
exit 1
