"""Says whether enough was covered: `python scripts/coverage_bounds.py coverage.json`, as written by `coverage json`."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Lines and branches together, in per cent of all below the folder.
PERCENT_LEAST = {
    "src/talktime/core": 100.0,
    "src/talktime": 92.0,
}
WORST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    path: str
    covered: int
    total: int

    @property
    def missing(self) -> int:
        return self.total - self.covered


def read(report: Mapping[str, Any]) -> list[Coverage]:
    return [of_file(path, file["summary"]) for path, file in report["files"].items()]


def of_file(path: str, summary: Mapping[str, int]) -> Coverage:
    covered = summary["covered_lines"] + summary["covered_branches"]
    return Coverage(path, covered, summary["num_statements"] + summary["num_branches"])


def complaint(folder: str, percent_least: float, files: Iterable[Coverage]) -> str | None:
    inside = [file for file in files if file.path.startswith(f"{folder}/")]
    total = sum(file.total for file in inside)
    if total == 0:
        # Nothing measured is no hundred per cent: a renamed folder would pass for ever.
        return f"{folder}: nothing was measured, and {percent_least:g} % is wanted."

    covered = sum(file.covered for file in inside)
    if 100 * covered >= percent_least * total:
        return None
    return f"{folder}: {percent(covered, total)} is covered, and {percent_least:g} % is wanted. {worst(inside)}"


def percent(covered: int, total: int) -> str:
    # Rounded down, so that 99.996 % never reads as 100 %.
    return f"{10_000 * covered // total / 100:.2f} %"


def worst(files: Iterable[Coverage]) -> str:
    incomplete = sorted((file for file in files if file.missing), key=lambda file: (-file.missing, file.path))
    shown = [f"{file.path} ({file.missing})" for file in incomplete[:WORST_SHOWN]]
    return f"Most lines and branches are missing in {', '.join(shown)}."


def main(report_path: str) -> int:
    files = read(json.loads(Path(report_path).read_text(encoding="utf-8")))
    found = [complaint(folder, least, files) for folder, least in PERCENT_LEAST.items()]
    complaints = [sentence for sentence in found if sentence is not None]
    print("\n".join(complaints) or "Coverage is within its bounds.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
