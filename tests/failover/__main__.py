"""Q3, the long run: `python -m tests.failover --rounds 50`."""

from __future__ import annotations

import argparse
import sys

from tests.crash.clients import HarnessError
from tests.failover.progress import with_progress
from tests.failover.rounds import lost_without_waiting, run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description="Q3: the primary dies.")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-self-check", action="store_true", help="do not try what an asynchronous standby loses")
    options = parser.parse_args()
    figures = with_progress(options.rounds, lambda tell: run(options.rounds, options.seed, tell=tell))
    line = f"failover: {figures}"
    if not options.no_self_check:
        line += f"; self-check: an asynchronous standby loses {lost_without_waiting(options.seed)}"
    print(line)
    for finding in figures.findings:
        print(f"{finding.wrong}: {finding.words}", file=sys.stderr)
    return 1 if figures.findings else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except HarnessError as error:
        sys.exit(str(error))
