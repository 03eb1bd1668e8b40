"""The yardstick: what the databases can do at best with the rows of a call. See floor/README.md."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.places import Place, Postgres, Sqlite

FLOOR = Path(__file__).parent / "floor"
ORGANIZATIONS = 1_000


class Floor(NamedTuple):
    cycles_per_second: float
    p50_ms: float
    p99_ms: float
    """Of one script: a cycle, or a whole group."""
    wrong: str


def run(place: Place, group: int, seconds: float) -> Floor:
    """`group`: how many cycles share their two commits; 1 is a caller who waits for each answer."""
    if isinstance(place, Postgres):
        return _postgres(place, group, seconds)
    assert isinstance(place, Sqlite)
    return _sqlite(place, group, seconds)


def _postgres(place: Postgres, group: int, seconds: float) -> Floor:
    scripts, url = FLOOR / "postgresql", place.socket_url("postgres")
    psql = ["psql", "-qXtA", "-v", "ON_ERROR_STOP=1", "-v", f"norg={ORGANIZATIONS}", url]
    for script in ("schema.sql", "reset.sql"):
        subprocess.run([*psql, "-f", str(scripts / script)], check=True, capture_output=True)
    script, clients = ("cycle.sql", 32) if group == 1 else (f"group{group}.sql", 1)
    command = ["pgbench", "-n", "-M", "prepared", "-f", str(scripts / script), "-D", f"norg={ORGANIZATIONS}"]
    command += ["-c", str(clients), "-j", "1", "-T", str(max(round(seconds), 1)), "-l"]
    with tempfile.TemporaryDirectory() as logs:
        ran = subprocess.run([*command, f"--log-prefix={logs}/t", url], check=True, capture_output=True, text=True)
        lines = [line for path in Path(logs).iterdir() for line in path.read_text().splitlines()]
    per_second = next(float(line.split()[2]) for line in ran.stdout.splitlines() if line.startswith("tps"))
    took = sorted(int(line.split()[2]) / 1e3 for line in lines)
    checked = subprocess.run([*psql, "-f", str(scripts / "check.sql")], check=True, capture_output=True, text=True)
    wrong = "" if checked.stdout.strip().startswith("t|") else f"the floor's own books: {checked.stdout.strip()}"
    return Floor(per_second * group, statistics.median(took), took[int(len(took) * 0.99)], wrong)


def _sqlite(place: Sqlite, group: int, seconds: float) -> Floor:
    program = place.folder / "floor"
    if not program.exists():
        source = FLOOR / "sqlite" / "floor.c"
        subprocess.run(["cc", "-O2", "-o", program, source, "-lsqlite3"], check=True, capture_output=True)
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        command = [str(program), f"{folder}/floor.db", str(group), str(ORGANIZATIONS), str(seconds)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\t")
    wrong = "" if told[5] == "t" else "the floor's own books do not close"
    return Floor(float(told[2]), float(told[3]), float(told[4]), wrong)
