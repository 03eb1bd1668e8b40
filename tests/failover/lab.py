"""`make lab-failover`: three machines that Patroni keeps, set up as the guide says, and Talktime beside them.

Each round stalls the link from the primary, kills the primary with its Patroni, and waits until somebody is answered
again; Patroni alone decides who takes over. All machines are set up, and then maintained, by the commands of the guide,
a planned switchover among them. At last etcd dies on all three, and calls go on. Without `synchronous_mode` the same
rounds must lose something, or they prove nothing.

    python -m tests.failover.lab --rounds 50
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from statistics import median

from tests.crash.clients import HarnessError
from tests.crash.judge import Finding, Wrong
from tests.failover.guide import block_with
from tests.failover.machines import LabMissing, Machine, Machines
from tests.failover.progress import with_progress
from tests.failover.proxy import Proxy
from tests.failover.rounds import SELF_CHECK_ROUNDS_MAX, Figures, Stage, new_database, stage

BACK_SECONDS = 10.0
"""In which writes are back, as a median."""
BACK_SECONDS_MAX = 15.0
WITHOUT_ETCD_SECONDS = 20.0
"""Nearly three times as long as a primary may go without etcd."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The machines with the one that is to die."""

    machines: Machines
    primary: Machine

    @property
    def link(self) -> Proxy:
        return self.primary.link

    @property
    def superuser_url(self) -> str:
        return self.machines.superuser_url

    def kill(self) -> None:
        self.primary.kill()

    def promote(self) -> None:
        """That is Patroni's."""


def run(
    machines: Machines,
    rounds: int,
    seed: int,
    *,
    synchronous: bool = True,
    tell: Callable[[Figures], None] = lambda figures: None,
) -> Figures:
    """One server lives through them all; a machine that has died comes back as a standby of the next round."""
    figures = Figures()
    machines.set_synchronous(synchronous)
    url = machines.url(new_database(machines.superuser_url, f"talktime_{'sync' if synchronous else 'async'}"))
    with stage(url, Random(seed), payments=True) as here:
        while figures.rounds < rounds and not figures.findings:
            machines.wait_until_whole(synchronous)
            primary = machines.primary
            here.play(Kept(machines, primary), Random(f"{seed}/{figures.rounds}"), figures)
            here.stand_still(figures)
            primary.link.heal()
            primary.start()
            tell(figures)
        if synchronous:
            machines.wait_until_whole()
            here.go_on_during(lambda: maintain(machines), figures)
            outlive_etcd(machines, here, figures)
        here.finish(figures)
    return figures


def maintain(machines: Machines) -> None:
    """By the commands of the guide."""
    before = machines.primary
    before.follow(block_with("switchover"))
    machines.wait_until_whole()
    assert machines.primary is not before
    before.follow(block_with("pause --wait") + block_with("reinit talktime db3"))
    machines.wait_until_whole()


def outlive_etcd(machines: Machines, here: Stage, figures: Figures) -> None:
    primary = machines.primary
    here.go_on_during(lambda: lose_etcd(machines), figures)
    machines.start_etcds()
    machines.wait_until_whole()
    assert machines.primary is primary


def lose_etcd(machines: Machines) -> None:
    """Until any primary without `failsafe_mode` would have given up."""
    machines.kill_etcds()
    time.sleep(WITHOUT_ETCD_SECONDS)


def lost_without_waiting(machines: Machines, seed: int) -> int:
    """The control, as for two servers: nothing would be a fault of the harness."""
    figures = run(machines, SELF_CHECK_ROUNDS_MAX, seed, synchronous=False)
    if not figures.count(Wrong.LOST):
        raise HarnessError(f"nothing is lost although nobody waits for a standby: the lab proves nothing\n{figures}")
    return figures.count(Wrong.LOST)


def too_slow(back: list[float]) -> list[Finding]:
    if median(back) <= BACK_SECONDS and max(back) <= BACK_SECONDS_MAX:
        return []
    words = f"at most {BACK_SECONDS:.0f} s (median) and {BACK_SECONDS_MAX:.0f} s are allowed: {sorted(back)}"
    return [Finding(Wrong.ODD, f"writes come back too late: {words}")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failover.lab", description="Q3 with Patroni and etcd.")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with Machines() as machines:
        figures = with_progress(options.rounds, lambda tell: run(machines, options.rounds, options.seed, tell=tell))
        findings = figures.findings + too_slow(figures.back)
        lost = lost_without_waiting(machines, options.seed)
    print(f"failover with Patroni: {figures}; self-check: without synchronous_mode {lost} are lost")
    for finding in findings:
        print(f"{finding.wrong}: {finding.words}", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (HarnessError, LabMissing) as error:
        sys.exit(str(error))
