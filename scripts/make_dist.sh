#!/usr/bin/env bash
# Makes a folder with all that an installation needs: wheel, source, bill of materials, and every package by its hash.
set -euo pipefail
dist=$(realpath --canonicalize-missing "$1")
cd "$(dirname "$0")/.."

mkdir "$dist"
# Without a date of ours, whoever builds a wheel from the source gets the same bytes.
env --unset=SOURCE_DATE_EPOCH .venv/bin/python -m hatchling build -d "$dist"
.venv/bin/python scripts/bill_of_materials.py requirements/runtime.txt --optional requirements/tracing.txt \
    >"$dist/talktime.cdx.json"

wheel=$(basename "$dist"/*.whl)
hash=$(sha256sum "$dist/$wheel" | cut --delimiter=' ' --fields=1)
for list in runtime:requirements tracing:requirements-tracing; do
    { cat "requirements/${list%:*}.txt" && echo "./$wheel --hash=sha256:$hash"; } >"$dist/${list#*:}.txt"
done
