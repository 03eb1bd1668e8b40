"""Q17, load held: very many calls in progress, each extended again and again, while others begin and end.

    python -m tests.load --calls 10000 --seconds 300

The real server with its jobs, on SQLite and on PostgreSQL. What is wrong is any answer that is not the right one, a
request without an answer, a slow one in a hundred, or too much memory; at the end the books must add up.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import psutil
import uvloop

from bench.open_loop import percentile
from tests.core.switch import NO_GUARD
from tests.http.shop import Shop, good, place
from tests.load.caller import Account, Caller, Heard
from tests.load.plan import Bounds, Plan
from tests.support.postgres import cluster_on_demand
from tests.support.server import Server, within

DIALECTS = ("sqlite", "postgresql")
SLICE_SECONDS = 60
VERIFIED_WITHIN = 3600.0


@dataclass(frozen=True, slots=True)
class Figures:
    plan: Plan
    heard: Heard
    memory_mib: float
    wrong_books: str

    @property
    def waited(self) -> list[float]:
        return list(chain.from_iterable(self.heard.waited.values()))

    def wrong(self, bounds: Bounds) -> list[str]:
        found = [f"errors: {self.heard.errors}, such as {self.heard.shown}"] if self.heard.errors else []
        if (p99 := percentile(self.waited, 0.99)) > bounds.p99_ms:
            found.append(f"p99: {p99:.0f} ms, {bounds.p99_ms:.0f} are allowed")
        if self.memory_mib > bounds.memory_mib:
            found.append(f"memory: {self.memory_mib:.0f} MiB, {bounds.memory_mib:.0f} are allowed")
        return found + ([f"books: {self.wrong_books}"] if self.wrong_books else [])

    def __str__(self) -> str:
        plan, all_waited, late = self.plan, self.waited, percentile(self.heard.late, 0.99)
        each = (f"{verb} {percentile(found, 0.99):.0f}" for verb, found in sorted(self.heard.waited.items()))
        return (
            f"{plan.calls:,} calls in progress, each extended every {plan.every_seconds:.0f} s, "
            f"for {plan.seconds:.0f} s: {len(all_waited):,} requests, p50 {percentile(all_waited, 0.5):.1f} ms, "
            f"p99 {percentile(all_waited, 0.99):.0f} ms ({', '.join(each)}; {late:.0f} of them our own), "
            f"slowest {max(all_waited, default=0) * 1000:.0f} ms, {self.heard.errors} errors, {self.memory_mib:.0f} MiB"
        )


def run(server: Server, plan: Plan) -> Figures:
    server.start()
    try:
        accounts = opened(server, plan)
        caller = Caller(plan, server.url, server.operator_key, accounts)
        memory: list[float] = []
        uvloop.run(caller.run(lambda: memory.append(memory_mib(server))))
        return Figures(plan, caller.heard, max(memory, default=0.0), books(server, caller))
    finally:
        server.remove()


def opened(server: Server, plan: Plan) -> list[Account]:
    shop = Shop.opened(server.url, server.operator_key)
    limits = {"slice_seconds": SLICE_SECONDS, "fraud": NO_GUARD}
    made = [shop.organization(plan.money, limits=limits) for _ in range(plan.organizations)]
    shop.close()
    return [Account(org.id, org.caller) for org in made]


def memory_mib(server: Server) -> float:
    """Of the server with all processes that it has started; what they share counts for each."""
    first = psutil.Process(server.pid)
    found = 0
    for process in [first, *first.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            found += process.memory_info().rss
    return found / 2**20


def books(server: Server, caller: Caller) -> str:
    """What is wrong with them; nothing is."""
    shop = Shop.opened(server.url, server.operator_key)
    with shop.operator as api:
        api.org = next(iter(caller.open_calls))
        listed = len(good(api.get("/v1/calls?state=open&limit=1000"))["data"])
    if listed != caller.open_calls[api.org]:
        return f"{listed} calls of {api.org} are in progress, {caller.open_calls[api.org]} is right"
    checked = within(VERIFIED_WITHIN, "verify", *server.database)
    told = checked.stdout[-500:] + checked.stderr[-500:]
    return "" if checked.returncode == 0 else f"verify ended with {checked.returncode}: {told}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Q17: load held.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--database", choices=DIALECTS, help="only this one")
    chosen = parser.parse_args()
    plan, told = Plan(calls=chosen.calls, seconds=chosen.seconds), []
    for dialect in [chosen.database] if chosen.database else DIALECTS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            where = stack.enter_context(place(dialect, folder, stack.enter_context(cluster_on_demand())))
            begun = time.monotonic()
            figures = run(Server(where), plan)
        wrong = figures.wrong(Bounds())
        told += [f"{dialect}: {one}" for one in wrong]
        print(f"load: {dialect}: {figures}; in {time.monotonic() - begun:.0f} s", flush=True)
    for one in told:
        print(f"load: WRONG: {one}", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
