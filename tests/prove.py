"""`make prove`: the long part of every harness, one after the other, and what each says in its last line."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import NamedTuple

# What speaks with PostgreSQL: tests/payments does not, and of the portal these do. Left out is the rest of
# tests/storage: walls, plans, faults and schema are looked at in the database server, by connections of the tests' own.
JOURNEYS = (
    "tests/charging tests/web tests/jobs tests/sign_in tests/notifications tests/moving "
    "tests/portal/test_calls_pages.py tests/portal/test_letters_with_links.py tests/portal/test_operator_pages.py "
    "tests/portal/test_reports_pages.py tests/portal/test_settings_pages.py "
    "tests/storage/test_erasure.py tests/storage/test_portions.py tests/storage/test_retention.py "
    "tests/test_contract.py tests/test_races.py tests/test_verify.py"
)
HARNESSES = {
    "Q1a": "tests.crash --rounds 500 --database sqlite",
    "Q1b": "tests.crash --rounds 250 --database postgresql",
    "Q2a": "tests.powercut.harness --cuts 5000 --workload product",
    "Q2b": "tests.powercut.harness --cuts 50000 --workload money",
    "Q3": "tests.failover --rounds 50",
    "Patroni": "tests.failover.lab --rounds 50",
    "Q4": "tests.simulation --operations 1000000 --crashes 10000 --seed 1",
    "Q5a": "tests.test_stateful --database sqlite --examples 500 --steps 60",
    "Q5b": "tests.test_stateful --database postgresql --examples 100 --steps 60",
    "Q6": "tests.http.races --repetitions 20",
    "Q7a": "tests.gateway --scenarios 20000",
    "Q7b": "tests.gateway --scenarios 2000 --database postgresql",
    "Q7c": "tests.crash.recharges --rounds 500",
    "Q7d": "tests.gateway.lives --lives 2000",
    "Q7f": "tests.gateway.mails --lives 500",
    "Q7e": "tests.payments.stripe_mock",
    "Q8": "tests.gateway.orders",
    "Q10": "tests.http.schema_fuzz --cases 500",
    "Q11": "tests.http.parsers --cases 20000",
    "Ro": "pytest -q tests/integrations/diameter",
    "RADIUS": "pytest -q tests/integrations/radius tests/integrations/freeswitch",
    "Q12": "tests.http.permissions",
    "Q16": "tests.http.canaries",
    "Rolling": "tests.rolling --rounds 10",
    "Pool": f"pytest -q --pooled -m 'not prove' {JOURNEYS}",
    "Q17": "tests.load --calls 10000 --seconds 300",
    "Q18": "pytest -q tests/test_checked_backups.py tests/operating/test_backups_and_upgrade.py",
    "Q19a": "tests.upgrade --operations 3000 --rows 500000",
    "Silence": "pytest -q tests/test_silence.py",
    "Q19b": "pytest -q tests/test_upgrade.py tests/storage/test_portions.py",
    "Soak": "tests.soak --seconds 3600 --folder /dev/shm",
    "Capacity": "tests.capacity --seconds 60",
    "SIP": "tests.integrations.kamailio",
    "Packages": "pytest -q -m prove tests/packages",
    "Q22": "tests.audit",
    # Says by itself that it was no cluster, where there is none.
    "Citus": "tests.citus",
    "Move": "tests.moving --moves 60",
}


class Figure(NamedTuple):
    name: str
    status: int
    told: str
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description="The long part of every harness.")
    parser.add_argument("--only", help="some of them, such as Q1a,Q4", default=",".join(HARNESSES))
    names = parser.parse_args().only.split(",")
    if unknown := [name for name in names if name not in HARNESSES]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(HARNESSES)}")
    figures = [run(name, number, len(names)) for number, name in enumerate(names, 1)]
    print(table(figures))
    sys.exit(any(figure.status for figure in figures))


def run(name: str, number: int, total: int) -> Figure:
    command = HARNESSES[name]
    print(f"[{number}/{total}] {name}: python -m {command}", flush=True)
    begun, told = monotonic(), ""
    with subprocess.Popen([sys.executable, "-m", *shlex.split(command)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(f"    {line}", end="", flush=True)
            told = line.strip() or told
    return Figure(name, process.returncode, told, monotonic() - begun)


def table(figures: Sequence[Figure]) -> str:
    """As it goes into docs/proof.md."""
    today = datetime.now(UTC).date()
    rows = [
        f"| {one.name} | `python -m {HARNESSES[one.name]}` | {'' if one.status == 0 else 'FAILED: '}{one.told} "
        f"| {today}, {one.seconds / 60:.0f} min |"
        for one in figures
    ]
    return "\n".join(["| # | Command | Figure | Measured |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    main()
