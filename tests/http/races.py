"""Q6, double spending: 64 connections that all ask in the same moment, and money for some of them.

    python -m tests.http.races --repetitions 20

The real server on SQLite and, with two processes, on PostgreSQL. Each repetition makes a new organization for each kind
of race. What is won is counted by its answers, by the balance, and at the end by `talktime verify`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path
from threading import Barrier
from typing import Any

import psutil
from rich.console import Console
from rich.progress import track

from tests.core.switch import NO_GUARD
from tests.http.broken import BrokenServer, without_judges
from tests.http.shop import Answer, Api, Json, Organization, Shop, good, place
from tests.support.postgres import cluster_on_demand
from tests.support.server import Server, talktime

WORKERS = 64
DIALECTS = ("sqlite", "postgresql")
SLICE_SECONDS = 300
MINUTE = Decimal("0.1")
SLICE = 5 * MINUTE
SELF_CHECK_TRIES_MAX = 10
Ask = Callable[[Api], Answer]


class Wrong(Exception):
    """Something was won twice, or lost."""


def expect(what: str, seen: object, wanted: object) -> None:
    if seen != wanted:
        raise Wrong(f"{what}: {seen}, and {wanted} is right")


@dataclass(slots=True)
class Figures:
    repetitions: int = 0
    races: int = 0
    requests: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.races} races of {WORKERS} ({self.repetitions} repetitions), {self.requests:,} requests, "
            f"winners exact in all, in {self.seconds:.0f} s"
        )


# ------------------------------------------------------------------------------------------------- many at once


class Crowd:
    """Threads, each with a connection that is open before the race begins."""

    def __init__(self, url: str, key: str) -> None:
        self.requests = 0
        self.apis = [Api(url, key) for _ in range(WORKERS)]
        self._threads = ThreadPoolExecutor(WORKERS)
        for api in self.apis:
            # One request each: a connection that was only opened may not have been accepted by anybody.
            good(api.get("/v1/operator/keys?limit=1"))

    def close(self) -> None:
        self._threads.shutdown()
        for api in self.apis:
            api.close()

    def at_once(self, org: Organization, jobs: Sequence[Sequence[Ask]]) -> list[list[Answer]]:
        """One list of questions for each worker; all begin in the same moment."""
        assert len(jobs) == WORKERS
        gate = Barrier(WORKERS)

        def begin(api: Api, asks: Sequence[Ask]) -> list[Answer]:
            api.org = org.id
            gate.wait(30)
            return [ask(api) for ask in asks]

        self.requests += sum(map(len, jobs))
        return list(self._threads.map(begin, self.apis, jobs))

    def all_ask(self, org: Organization, path: str, bodies: Iterable[Json]) -> list[Answer]:
        """One question for each worker."""
        answers = self.at_once(org, [[asking(path, body)] for body in bodies])
        return list(chain.from_iterable(answers))


def asking(path: str, body: Json, **headers: str) -> Ask:
    return lambda api: api.post(path, body, headers=headers)


def decided(answers: Iterable[Answer]) -> Counter[str]:
    """How often each decision, refusal or error came."""
    return Counter(_decision(answer) for answer in answers)


def _decision(answer: Answer) -> str:
    if answer.status != 200:
        return f"{answer.status} {answer.code}"
    told = answer.json
    return str(told.get("reason", told["decision"]))


def money(org: Organization) -> tuple[Decimal, Decimal, Decimal]:
    """Balance, held, available."""
    now = org.balance()
    return Decimal(now["balance"]), Decimal(now["held"]), Decimal(now["available"])


# ------------------------------------------------------------------------------------------------- the races


def last_money(shop: Shop, crowd: Crowd) -> None:
    """Money for 40 of 128 calls, in two lots, so that one call is held from both."""
    org = shop.organization("9.7", "10.3")
    jobs = [[asking("/v1/calls/authorize", org.call(f"c{worker}-{n}")) for n in range(2)] for worker in range(WORKERS)]
    answers = list(chain.from_iterable(crowd.at_once(org, jobs)))
    expect("decisions", decided(answers), {"granted": 40, "no_balance": 2 * WORKERS - 40})
    granted = {answer.json["granted_seconds"] for answer in answers if _decision(answer) == "granted"}
    expect("seconds granted", granted, {SLICE_SECONDS})
    expect("balance, held, available", money(org), (20, 20, 0))
    expect("calls in progress", len(org.rows("/v1/calls")), 40 + 2 * WORKERS - 40)


def one_call(shop: Shop, crowd: Crowd) -> None:
    """The same authorize 64 times: one hold, one answer."""
    org = shop.organization("10")
    answers = crowd.all_ask(org, "/v1/calls/authorize", [org.call("c1")] * WORKERS)
    expect("decisions", decided(answers), {"granted": WORKERS})
    expect("different answers", len({answer.body for answer in answers}), 1)
    expect("balance, held, available", money(org), (10, SLICE, 10 - SLICE))
    expect("calls", [call["held"] for call in org.rows("/v1/calls")], ["0.5"])


def one_call_many_bodies(shop: Shop, crowd: Crowd) -> None:
    """The same id for eight numbers: one of them has it, the others are told so."""
    org = shop.organization("10")
    bodies = [org.call("c1", to=f"+44207946012{worker % 8}") for worker in range(WORKERS)]
    answers = crowd.all_ask(org, "/v1/calls/authorize", bodies)
    expect("decisions", decided(answers), {"granted": WORKERS // 8, "409 call_conflict": WORKERS - WORKERS // 8})
    won = {body["to"] for body, answer in zip(bodies, answers, strict=True) if answer.status == 200}
    expect("numbers called", won, {call["to"] for call in org.rows("/v1/calls")})
    expect("balance, held, available", money(org), (10, SLICE, 10 - SLICE))


def one_settle(shop: Shop, crowd: Crowd) -> None:
    """The same settle 64 times, then one with another duration as often: charged once."""
    org = shop.organization("10")
    good(org.api.post("/v1/calls/authorize", org.call("c1")))
    answers = crowd.all_ask(org, "/v1/calls/settle", [{"call_id": "c1", "duration_seconds": 61}] * WORKERS)
    expect("different answers", len({answer.body for answer in answers}), 1)
    expect("charge", good(answers[0])["charge"], "0.2")
    again = crowd.all_ask(org, "/v1/calls/settle", [{"call_id": "c1", "duration_seconds": 200}] * WORKERS)
    expect("charged again", {(one.json["charge"], one.json["conflict"]) for one in again}, {("0.2", True)})
    expect("balance, held, available", money(org), (Decimal("9.8"), 0, Decimal("9.8")))
    expect("entries", [entry["amount"] for entry in org.rows("/v1/entries")], ["-0.2", "10"])


def many_settles(shop: Shop, crowd: Crowd) -> None:
    """One call, 64 durations: one of them counts, and all are told the same."""
    org = shop.organization("10")
    good(org.api.post("/v1/calls/authorize", org.call("c1")))
    bodies = [{"call_id": "c1", "duration_seconds": 60 * (1 + worker % 32)} for worker in range(WORKERS)]
    answers = [good(answer) for answer in crowd.all_ask(org, "/v1/calls/settle", bodies)]
    expect("different charges", len({answer["charge"] for answer in answers}), 1)
    expect("told that they do not count", sum(answer.get("conflict", False) for answer in answers), WORKERS - 2)
    charge = Decimal(answers[0]["charge"])
    expect("balance, held, available", money(org), (10 - charge, 0, 10 - charge))


def overtaking(shop: Shop, crowd: Crowd) -> None:
    """Authorize, settle and release of 16 calls in any order: whatever came first, nothing stays held."""
    org = shop.organization("10")
    ends: list[tuple[str, Json]] = [("settle", {"duration_seconds": 61}), ("release", {})]
    jobs: list[list[Ask]] = []
    for worker in range(WORKERS):
        call_id, kind = f"c{worker % 16}", worker // 16
        verb, body = ("authorize", org.call(call_id)) if kind < 2 else ends[kind - 2]
        jobs.append([asking(f"/v1/calls/{verb}", body | {"call_id": call_id})])
    answers = [answers[0] for answers in crowd.at_once(org, jobs)]
    expect("statuses", {answer.status for answer in answers}, {200})
    calls = org.rows("/v1/calls")
    charged = sum(Decimal(call["charge"]) for call in calls)
    expect("charged calls", {call["charge"] for call in calls} <= {"0", "0.2"}, True)
    expect("calls in progress", [call["call_id"] for call in calls if call["state"] == "open"], [])
    expect("balance, held, available", money(org), (10 - charged, 0, 10 - charged))


def last_extend(shop: Shop, crowd: Crowd) -> None:
    """Eight calls, each extended by eight workers, and money for two slices and three minutes more."""
    org = shop.organization("5.3")
    for n in range(8):
        good(org.api.post("/v1/calls/authorize", org.call(f"c{n}")))
    bodies = [{"call_id": f"c{worker % 8}", "granted_seconds": SLICE_SECONDS} for worker in range(WORKERS)]
    totals: dict[str, set[int]] = {}
    for answer in crowd.all_ask(org, "/v1/calls/extend", bodies):
        told = good(answer)
        totals.setdefault(told["call_id"], set()).add(told["granted_seconds"])
    # What a worker was told that came too early for the money of another stays true: totals only grow.
    calls = {call["call_id"]: call for call in org.rows("/v1/calls")}
    for call_id, told_seconds in totals.items():
        expect(f"largest total of {call_id}", max(told_seconds), calls[call_id]["granted_seconds"])
    minutes = sum(call["granted_seconds"] for call in calls.values()) // 60
    held = sum(Decimal(call["held"]) for call in calls.values())
    expect("minutes granted", minutes, 53)
    expect("held by calls", held, Decimal("5.3"))
    expect("balance, held, available", money(org), (Decimal("5.3"), Decimal("5.3"), 0))


def money_comes(shop: Shop, crowd: Crowd) -> None:
    """16 workers bring money while 48 spend it: nothing is lost, nothing is spent twice."""
    org = shop.organization("2")
    jobs: list[list[Ask]] = []
    for worker in range(WORKERS):
        if worker % 4 == 0:
            jobs.append([asking(f"{org.path}/grants", {"amount": "0.7"})])
        else:
            jobs.append([asking("/v1/calls/authorize", org.call(f"c{worker}-{n}")) for n in range(2)])
    answers = chain.from_iterable(crowd.at_once(org, jobs))
    expect("what failed", [(one.status, one.code) for one in answers if one.status not in (200, 201)], [])
    total = 2 + 16 * Decimal("0.7")
    balance, held, available = money(org)
    granted = sum(call["granted_seconds"] for call in org.rows("/v1/calls"))
    expect("balance", balance, total)
    expect("held", held, granted // 60 * MINUTE)
    expect("available", available, total - held)
    # What is left is spent to the last minute.
    for n in range(40):
        org.api.post("/v1/calls/authorize", org.call(f"after{n}"))
    expect("balance, held, available", money(org), (total, total, 0))


def one_grant(shop: Shop, crowd: Crowd) -> None:
    """The same Idempotency-Key 64 times, half of them with another amount: one lot."""
    org = shop.organization("1")
    path, key = f"{org.path}/grants", {"Idempotency-Key": "grant-1"}
    jobs = [[asking(path, {"amount": "3" if worker % 2 else "4"}, **key)] for worker in range(WORKERS)]
    answers = [answers[0] for answers in crowd.at_once(org, jobs)]
    codes = Counter(answer.code or answer.status for answer in answers)
    expect("answers", codes, {201: WORKERS // 2, "idempotency_conflict": WORKERS // 2})
    made = {answer.body for answer in answers if answer.status == 201}
    expect("different answers", len(made), 1)
    replayed = sum(answer.headers.get("idempotent-replayed") == "true" for answer in answers if answer.status == 201)
    expect("told that it was done before", replayed, WORKERS // 2 - 1)
    expect("balance", money(org)[0], 1 + Decimal(json.loads(made.pop())["amount"]))


# ------------------------------------------------------------------------------------------------- pools and limits

POOL = 60
"""Minutes of one licence."""
SEVEN_MINUTES = {"slice_seconds": 420, "fraud": NO_GUARD}


def pool_of(org: Organization) -> Json:
    (pool,) = org.rows("/v1/pools")
    return pool["used"], pool["held"], pool["available"]


def meetings(org: Organization, calls: int = WORKERS) -> list[Json]:
    return [org.call(f"c{n}", call_type="conf_out") for n in range(calls)]


def with_minutes(shop: Shop, *lots: str, licences: Sequence[str] = ("MCOMEETADD",)) -> Organization:
    """Its one pool was drawn on this month, and all is there again."""
    org = shop.organization(*lots, limits=SEVEN_MINUTES)
    org.assign({"MCOMEETADD": 1}, *licences)
    call_once(org, call_type="conf_out")
    return org


def call_once(org: Organization, **asked: str) -> None:
    """So that there are rows of what is counted, and only their numbers decide."""
    good(org.api.post("/v1/calls/authorize", org.call("before", **asked)))
    good(org.api.post("/v1/calls/release", {"call_id": "before"}))


def two_meetings_each(org: Organization, crowd: Crowd) -> list[Answer]:
    bodies = meetings(org, 2 * WORKERS)
    jobs = [[asking("/v1/calls/authorize", body) for body in bodies[n::WORKERS]] for n in range(WORKERS)]
    return list(chain.from_iterable(crowd.at_once(org, jobs)))


def last_minutes(shop: Shop, crowd: Crowd) -> None:
    """Sixty minutes for 128 calls of seven, and no credits behind them: eight calls, and one of what is left."""
    org = with_minutes(shop)
    answers = two_meetings_each(org, crowd)
    expect("decisions", decided(answers), {"granted": 9, "credits_not_set_up": 2 * WORKERS - 9})
    granted = sum(answer.json.get("granted_seconds", 0) for answer in answers)
    expect("minutes granted", granted, 60 * POOL)
    expect("used, held, available", pool_of(org), (0, POOL, 0))


def last_minutes_then_money(shop: Shop, crowd: Crowd) -> None:
    """The same with money for thirty minutes more: whatever comes first, ninety minutes are granted and paid."""
    org = with_minutes(shop, "3", licences=("MCOMEETADD", "MCOPSTNPP"))
    answers = two_meetings_each(org, crowd)
    expect("decisions", decided(answers), {"granted": 13, "no_balance": 2 * WORKERS - 13})
    granted = [answer.json for answer in answers if _decision(answer) == "granted"]
    expect("minutes granted", sum(one["granted_seconds"] for one in granted), 60 * (POOL + 30))
    expect("used, held, available", pool_of(org), (0, POOL, 0))
    expect("balance, held, available", money(org), (3, 3, 0))
    ends = [{"call_id": one["call_id"], "duration_seconds": one["granted_seconds"]} for one in granted]
    settled = crowd.all_ask(org, "/v1/calls/settle", (ends * WORKERS)[:WORKERS])
    minutes = {one.json["call_id"]: good(one)["pool_minutes"] for one in settled}
    expect("minutes of the pool", sum(minutes.values()), POOL)
    expect("used, held, available", pool_of(org), (POOL, 0, 0))
    expect("balance, held, available", money(org), (0, 0, 0))


def one_settle_of_a_pool(shop: Shop, crowd: Crowd) -> None:
    """The same end of a call from a pool 64 times: its minutes are used once, and the others go back once."""
    org = with_minutes(shop)
    for body in meetings(org, 2):
        good(org.api.post("/v1/calls/authorize", body))
    answers = crowd.all_ask(org, "/v1/calls/settle", [{"call_id": "c0", "duration_seconds": 61}] * WORKERS)
    expect("statuses", {answer.status for answer in answers}, {200})
    expect("minutes told", {answer.json["pool_minutes"] for answer in answers}, {2})
    expect("used, held, available", pool_of(org), (2, 7, POOL - 9))


def too_many_calls(shop: Shop, crowd: Crowd) -> None:
    """Twenty calls of one user at a time: the next one blocks him, once, and those after it find him blocked."""
    most = 20
    org = shop.organization("100", limits={"fraud": NO_GUARD | {"concurrent_calls": most}})
    call_once(org)
    bodies = [org.call(f"c{n}") for n in range(WORKERS)]
    answers = crowd.all_ask(org, "/v1/calls/authorize", bodies)
    wanted = {"granted": most, "fraud_limit": 1, "user_blocked": WORKERS - most - 1}
    expect("decisions", decided(answers), wanted)
    log = [(row["user"]["id"], row["mode"], row["reason"]) for row in org.rows("/v1/reports/blocked-users")]
    expect("blocks", log, [(org.caller_id, "Blocked", "concurrent_calls")])


Race = Callable[[Shop, Crowd], None]
RACES: tuple[Race, ...] = (
    last_money,
    one_call,
    one_call_many_bodies,
    one_settle,
    many_settles,
    overtaking,
    last_extend,
    money_comes,
    one_grant,
    last_minutes,
    last_minutes_then_money,
    one_settle_of_a_pool,
    too_many_calls,
)
CAUGHT_BY: tuple[Race, ...] = (last_money, last_extend, last_minutes, last_minutes_then_money, too_many_calls)
"""Those that must notice when the store looks and then writes without looking again."""


# ------------------------------------------------------------------------------------------------- running them


@contextmanager
def racing(server: Server) -> Iterator[tuple[Shop, Crowd]]:
    shop = Shop.opened(server.url, server.operator_key)
    crowd = Crowd(server.url, server.operator_key)
    try:
        yield shop, crowd
    finally:
        crowd.close()
        shop.close()


@contextmanager
def started(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.remove()


def options(dialect: str) -> list[str]:
    return ["--workers", "2"] if dialect == "postgresql" else []


def run(where: Path | str, dialect: str, repetitions: Iterable[int]) -> Figures:
    """All races, as often as there are repetitions."""
    begun, figures = time.monotonic(), Figures()
    with started(Server(where, options(dialect))) as server:
        with racing(server) as (shop, crowd):
            if dialect == "postgresql":
                expect("processes that answer", len(answering(server)), 2)
            for _ in repetitions:
                for race in RACES:
                    _one(race, shop, crowd)
                    figures.races += 1
                figures.repetitions += 1
            figures.requests = crowd.requests
        checked = talktime("verify", *server.database)
        expect("exit code of verify", checked.returncode, 0)
    figures.seconds = time.monotonic() - begun
    return figures


def _one(race: Race, shop: Shop, crowd: Crowd) -> None:
    try:
        race(shop, crowd)
    except Wrong as wrong:
        raise Wrong(f"{race.__name__}: {wrong}") from wrong


def answering(server: Server) -> set[int]:
    """The processes of the server that have taken connections of ours."""
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children()]

    def has_taken(process: psutil.Process) -> bool:
        ours = [one for one in process.net_connections("tcp") if one.laddr and one.laddr.port == server.port]
        return any(one.status == psutil.CONN_ESTABLISHED for one in ours)

    return {process.pid for process in family if has_taken(process)}


def caught_after(where: Path | str, dialect: str) -> dict[str, int]:
    """In which try each race notices the broken server; 0 for never."""
    found: dict[str, int] = {}
    with started(BrokenServer(where, options(dialect))) as server, racing(server) as (shop, crowd):
        if not isinstance(where, Path):
            without_judges(where)
        for race in CAUGHT_BY:
            tries = range(1, SELF_CHECK_TRIES_MAX + 1)
            found[race.__name__] = next((n for n in tries if _notices(race, shop, crowd)), 0)
    return found


def _notices(race: Race, shop: Shop, crowd: Crowd) -> bool:
    try:
        race(shop, crowd)
    except Wrong:
        return True
    return False


# ------------------------------------------------------------------------------------------------- by hand


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.http.races", description="Q6: double spending.")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--database", choices=DIALECTS, help="only this one")
    chosen = parser.parse_args()
    dialects: Sequence[str] = [chosen.database] if chosen.database else DIALECTS
    try:
        for dialect in dialects:
            print(f"races: {dialect}: {_in_a_place(dialect, chosen.repetitions)}", flush=True)
    except Wrong as wrong:
        print(f"races: WRONG: {wrong}", file=sys.stderr)
        return 1
    return 0


def _in_a_place(dialect: str, repetitions: int) -> str:
    console = Console(stderr=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(cluster_on_demand())
        steps = track(range(repetitions), f"races on {dialect}", console=console, disable=not console.is_terminal)
        with place(dialect, folder, cluster) as where:
            figures = run(where, dialect, steps)
        with place(dialect, folder / "broken", cluster) as where:
            caught: dict[str, Any] = caught_after(where, dialect)
        if not all(caught.values()):
            raise Wrong(f"the broken server was not caught: {caught}")
    return f"{figures}; self-check: caught by {', '.join(f'{name} in try {n}' for name, n in caught.items())}"


if __name__ == "__main__":
    sys.exit(main())
