"""The soak: calls for an hour at half of what the machine can do, beside payments, expiry, exports, webhooks and mail.

    python -m tests.soak --seconds 3600 --folder /dev/shm

The real server with its jobs, on SQLite and on PostgreSQL. Nothing may grow but the books: the last ten minutes are
held beside minutes 10 to 20 (of a shorter run the last sixth beside the second). At the end the books must add up.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from talktime.capacity.callers import World, closed
from tests.core.switch import NO_GUARD
from tests.http.shop import Shop, place
from tests.load.__main__ import DIALECTS, SLICE_SECONDS, books
from tests.load.caller import Account, Heard
from tests.soak.bare import Bare
from tests.soak.errands import FUNDS, Errands, kinds
from tests.soak.patient import Patient
from tests.soak.plan import Bounds, Plan
from tests.soak.watching import Look, Watch, Window, window
from tests.support.mailbox import Mailbox, mailbox
from tests.support.postgres import cluster_on_demand
from tests.support.receiver import Receiver, receiver
from tests.support.server import Server

LOOKS_A_WINDOW = 20
LIMITS = {"slice_seconds": SLICE_SECONDS, "fraud": NO_GUARD, "recharges_per_24h": None}
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Figures:
    plan: Plan
    most: float | None
    """Calls a second that the server could do at most; None: not measured."""
    calls_per_second: float
    caller: Patient
    looks: Sequence[Look]
    bare: Bare
    did: dict[str, int]
    troubles: list[str]

    @property
    def heard(self) -> Heard:
        return self.caller.heard

    @property
    def turned_away(self) -> int:
        return self.caller.turned_away

    def _window(self, last: bool) -> Window:
        length = self.plan.window_seconds
        begin = self.plan.seconds - length if last else length
        return window(self.looks, self.heard.waited["authorize"], self.bare, begin, begin + length)

    @property
    def ratios(self) -> dict[str, float]:
        first, last = self._window(False), self._window(True)
        return {
            "p99": last.p99 / max(first.p99, 0.1),
            "memory": last.memory_mib / first.memory_mib,
            "files": last.files / first.files,
            "bytes_a_call": last.bytes_a_call / max(first.bytes_a_call, 1),
            "hot": last.hot / max(first.hot, 1),
            "turned_away": self.turned_away / max(self.heard.answers, 1),
        }

    def wrong(self, bounds: Bounds) -> list[str]:
        found = [
            f"{name}: {ratio:.3g}, {getattr(bounds, name)} is allowed"
            for name, ratio in self.ratios.items()
            if ratio > getattr(bounds, name)
        ]
        if self.heard.errors:
            found.append(f"errors: {self.heard.errors}, such as {self.heard.shown}")
        return found + self.troubles

    def __str__(self) -> str:
        first, last = self._window(False), self._window(True)
        most = "not measured" if self.most is None else f"{self.most:,.0f}"
        did = ", ".join(f"{number:,} {what}" for what, number in self.did.items())
        return (
            f"{self.plan.seconds:,.0f} s, {self.calls_per_second:,.0f} calls a second (at most {most}), "
            f"{self.heard.answers:,} requests, {did}, {self.heard.errors} errors, {self.turned_away} asked again; "
            f"S16 p99 of authorize {first.p99:.1f} -> {last.p99:.1f} ms = {self.ratios['p99']:.2f} "
            f"(p50 {first.p50:.1f} -> {last.p50:.1f}), "
            f"of the bare disk {first.flush_p99:.1f} -> {last.flush_p99:.1f} ms, "
            f"of the bare processor {first.computed_p50:.3f} -> {last.computed_p50:.3f} ms; "
            f"S17 memory {first.memory_mib:.0f} -> {last.memory_mib:.0f} MiB = {self.ratios['memory']:.2f}; "
            f"files {first.files:.0f} -> {last.files:.0f}; "
            f"processors busy {first.busy:.0f} -> {last.busy:.0f} %; "
            f"database {first.bytes_a_call:,.0f} -> {last.bytes_a_call:,.0f} bytes a call, "
            f"what does not grow {first.hot / 2**20:.1f} -> {last.hot / 2**20:.1f} MiB"
        )


def run(
    plan: Plan, where: Path | str, kind: type[Server] = Server, tell: Callable[[Figures], None] = lambda figures: None
) -> Figures:
    """`tell` hears what was measured before the books are verified, which takes its time after an hour."""
    with mailbox() as box, receiver() as hook:
        server = kind(where, environment={"TALKTIME_SMTP_URL": box.url, "TALKTIME_WEBHOOKS_TO_INTERNAL": "1"})
        server.start()
        try:
            figures = _soaked(plan, server, box, hook)
            tell(figures)
            if wrong_books := books(server, figures.caller):
                figures.troubles.append(f"books: {wrong_books}")
            return figures
        finally:
            server.remove()


def _soaked(plan: Plan, server: Server, box: Mailbox, hook: Receiver) -> Figures:
    shop = Shop.opened(server.url, server.operator_key)
    live = [shop.organization(plan.money, limits=LIMITS) for _ in range(plan.organizations)]
    paying = [shop.organization(FUNDS, limits=LIMITS, mode="test") for _ in range(plan.payers)]
    organizations = [*live, *paying]
    accounts = [Account(org.id, org.caller) for org in organizations]
    errands = Errands(paying, hook.url, plan.errand_seconds)
    most = None if plan.calls_per_second else _most(plan, server, accounts)
    rate = plan.calls_per_second or plan.rate(most or 0)
    caller = Patient(plan.load(rate), server.url, server.operator_key, accounts)
    bare = Bare()
    watch = _watched(plan, server, caller, errands, bare)
    troubles = errands.wrong + _untold(errands, box, hook)
    shop.close()
    did = dict(errands.done) | {"mails": len(box.letters), "webhooks": len(hook.heard)}
    return Figures(plan, most, rate, caller, watch.looks, bare, did, troubles)


def _most(plan: Plan, server: Server, accounts: Sequence[Account]) -> float:
    world = World(server.operator_key, [(one.id, one.caller) for one in accounts])
    found = uvloop.run(closed(server.url, world, plan.connections, plan.measured_seconds))
    if found.failed:
        raise SystemExit(f"soak: {len(found.failed)} requests failed while measuring, such as {found.failed[0]!r}")
    return found.calls_per_second


def _watched(plan: Plan, server: Server, caller: Patient, errands: Errands, bare: Bare) -> Watch:
    watch, heard = Watch(server, plan.window_seconds / LOOKS_A_WINDOW), caller.heard
    began: list[float] = []

    def each_second() -> None:
        began.append(time.monotonic())
        waited = heard.waited
        watch.look(began[-1] - began[0], len(waited.get("authorize", ())), len(waited.get("settle", ())))

    errands.start()
    bare.start()
    try:
        uvloop.run(caller.run(each_second))
        # Else the last window would end before it does, and one of a few seconds before it begins.
        each_second()
    finally:
        bare.stop()
        errands.stop()
    return watch


def _untold(errands: Errands, box: Mailbox, hook: Receiver) -> list[str]:
    """Everything that was paid by hand is told by mail and to the webhook, and nothing was forgotten."""
    paid, until = errands.done["top_up"], time.monotonic() + PATIENCE_SECONDS
    while not (errands.come_by_themselves() and min(_told_of_payments(box, hook).values()) >= paid):
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    told = _told_of_payments(box, hook)
    found = [f"{name}: {number} for {paid} payments" for name, number in told.items() if number < paid]
    return found + [f"{kind}: never happened" for kind in kinds() if not errands.done[kind]]


def _told_of_payments(box: Mailbox, hook: Receiver) -> dict[str, int]:
    """By hand, and each once: what comes by itself is told as something else."""
    letters = {letter["Message-ID"] for letter in box.letters if "Funds added" in letter["Subject"]}
    hooks = {one.id for one in hook.heard if one.json["type"] == "funds_added"}
    return {"mails": len(letters), "webhooks": len(hooks)}


def _say(dialect: str, figures: Figures) -> None:
    print(f"soak: {dialect}: {figures}", flush=True)


def end_what_was_started() -> None:
    """Whoever ends us ends it as well. By way of Ctrl-C, which cancels what the event loop runs: an exception that came
    up in one of its callbacks would be logged and forgotten."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def write_into(folder: Path) -> None:
    """All of us: what we start asks the environment."""
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="The soak: S16 and S17.")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--part", type=float, default=0.5, help="of what the machine can do")
    parser.add_argument("--calls-per-second", type=float, help="so many, without measuring what it can do")
    parser.add_argument("--database", choices=DIALECTS, help="only this one")
    parser.add_argument("--folder", type=Path, help="where all is written; /dev/shm is memory in place of the disk")
    chosen = parser.parse_args()
    if chosen.folder:
        write_into(chosen.folder)
    end_what_was_started()
    plan, told = Plan(chosen.seconds, chosen.part, chosen.calls_per_second), []
    for dialect in [chosen.database] if chosen.database else DIALECTS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            where = stack.enter_context(place(dialect, folder, stack.enter_context(cluster_on_demand())))
            figures = run(plan, where, tell=partial(_say, dialect))
        told += [f"{dialect}: {one}" for one in figures.wrong(Bounds())]
    for one in told:
        print(f"soak: WRONG: {one}", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
