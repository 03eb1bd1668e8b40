"""Rolling restarts under load: not one caller of the API sees an error, and the books add up.

    python -m tests.rolling --rounds 10

HAProxy with the configuration that we ship, two servers, two workers, PgBouncer in transaction mode, PostgreSQL.
Switches call all the time while every process is restarted, one after the other; in every second round servers are
killed instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tests.http.shop import Organization, Shop
from tests.rolling.callers import Heard, calling, together
from tests.rolling.fleet import Fleet, fleet
from tests.support.postgres import new_cluster
from tests.support.server import talktime

ORGANIZATIONS = 8
MONEY = "1000000"


@dataclass(frozen=True)
class Figures:
    rounds: int
    heard: Heard
    findings: list[str]

    def __str__(self) -> str:
        heard = self.heard
        return (
            f"every process restarted {self.rounds} times under load, in every second round killed: "
            f"{heard.calls:,} calls, {heard.requests:,} requests, {len(self.findings)} errors"
        )


def run(ours: Fleet, rounds: int, organizations: int = ORGANIZATIONS, shown: bool = False) -> Figures:
    shop = Shop.opened(ours.proxy.url, ours.servers[0].operator_key)
    orgs = [shop.organization(MONEY) for _ in range(organizations)]
    with calling(ours.proxy.url, ours.servers[0].operator_key, orgs) as switches:
        for number in track(range(rounds), console=Console(stderr=True), disable=not shown):
            turn(ours, killing=number % 2 == 1)
    heard = together(switches)
    findings = heard.errors + wrong_money(orgs, heard) + wrong_books(ours)
    shop.close()
    return Figures(rounds, heard, findings)


def turn(ours: Fleet, killing: bool) -> None:
    for number in range(len(ours.servers)):
        (ours.kill if killing else ours.restart)(number)
    for number in range(len(ours.workers)):
        ours.restart_worker(number)


def wrong_money(orgs: Sequence[Organization], heard: Heard) -> list[str]:
    left = sum(Decimal(org.balance()["balance"]) for org in orgs)
    gone = len(orgs) * Decimal(MONEY) - left
    return [] if gone == heard.charged else [f"{gone} is gone, the switches were told of {heard.charged}"]


def wrong_books(ours: Fleet) -> list[str]:
    checked = talktime("verify", "--database", ours.direct)
    return [] if checked.returncode == 0 else [checked.stdout[-500:] + checked.stderr[-500:]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rolling", description="Rolling restarts under load.")
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    with (
        tempfile.TemporaryDirectory() as folder,
        new_cluster(fsync=False) as cluster,
        fleet(cluster, Path(folder)) as ours,
    ):
        figures = run(ours, rounds, shown=True)
    for finding in figures.findings:
        print(f"rolling: WRONG: {finding}", file=sys.stderr)
    print(f"rolling: {figures}")
    return 1 if figures.findings else 0


if __name__ == "__main__":
    sys.exit(main())
