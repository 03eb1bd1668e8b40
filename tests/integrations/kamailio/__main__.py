"""All SIP cases, and whether they notice faults in the configuration: `python -m tests.integrations.kamailio`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from tests.sip.bugs import BUGS, PLANTED, Bug

CASES = [file for file in Path(__file__).parent.glob("test_*.py") if file.name != "test_init.py"]
FAILED = 1
"""How pytest ends when tests have failed."""


class Played(NamedTuple):
    status: int
    cases: int
    failed: int
    seconds: float
    said: str


def main() -> int:
    played = play("slow or prove")
    caught = [name for name, bug in BUGS.items() if is_caught(name, bug)]
    missed = [name for name in BUGS if name not in caught]
    if played.status or missed:
        print(played.said[-5000:], file=sys.stderr)
    print(
        f"sip: {played.cases} cases with Kamailio and sipp in {played.seconds:.0f} s: {played.failed} wrong, "
        f"the books verify; self-check: {len(caught)} of {len(BUGS)} planted faults caught"
        + (f", MISSED: {', '.join(missed)}" if missed else "")
    )
    return 1 if played.status or missed or not played.cases else 0


def is_caught(name: str, bug: Bug) -> bool:
    function, _, parameter = bug.caught_by.rstrip("]").partition("[")
    wanted = f"{function} and {parameter}" if parameter else function
    found = play("slow or prove", "-k", wanted, **{PLANTED: name})
    return found.status == FAILED and found.failed > 0


def play(marked: str, *options: str, **environment: str) -> Played:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            *map(str, CASES),
            "-q",
            "-m",
            marked,
            f"--junit-xml={report}",
            *options,
        ]
        done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
        if not report.exists():
            return Played(done.returncode or 1, 0, 0, 0.0, done.stdout + done.stderr)
        [suite] = ElementTree.parse(report).getroot()
    wrong = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    cases, seconds = int(suite.attrib["tests"]), float(suite.attrib["time"])
    return Played(done.returncode, cases, wrong, seconds, done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(main())
