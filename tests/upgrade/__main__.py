"""Q19, the long run: a rolling upgrade under load, and a big table beside those who write into it.

python -m tests.upgrade --operations 3000 --rows 500000
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.postgres import new_cluster
from tests.upgrade import big_table
from tests.upgrade.programs import next_program
from tests.upgrade.rounds import run

WAIT_SECONDS_MAX = 1.5
"""A little more than what the migration itself waits at most for a lock."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upgrade", description="Q19: two programs, a big table.")
    parser.add_argument("--operations", type=int, default=3_000)
    parser.add_argument("--rows", type=int, default=500_000)
    options = parser.parse_args()
    with TemporaryDirectory() as folder, new_cluster() as cluster:
        rolling = run(cluster.fresh_database(), Path(folder), options.operations)
        (Path(folder) / "big").mkdir()
        source = next_program(Path(folder) / "big")
        urls = [cluster.fresh_database(), cluster.fresh_database()]
        for url in urls:
            big_table.filled(url, options.rows)
        gently = big_table.in_portions(urls[0], source, options.rows)
        at_once = big_table.at_once(urls[1], options.rows)
    print(f"upgrade: {rolling}; {gently}; self-check: at once, {at_once}")
    for finding in rolling.findings:
        print(f"{finding.wrong}: {finding.words}", file=sys.stderr)
    for words in rolling.again:
        print(f"had to ask again: {words}", file=sys.stderr)
    held = gently.longest_seconds <= WAIT_SECONDS_MAX < at_once.longest_seconds
    return 0 if held and not rolling.findings and not rolling.again else 1


if __name__ == "__main__":
    sys.exit(main())
