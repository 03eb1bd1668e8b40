"""A world by its number: switches, a network that cannot be trusted, processes that die, and one database.

The same number makes the same world, down to the last message. Whatever happens, the database is compared after every
commit with a reference that did the same commands in the same order, and with what must always hold.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import count
from random import Random

from msgspec import Struct, field

from talktime.core.calls import (
    Answer,
    Command,
    Ended,
    Extended,
    Granted,
    Key,
    Lapse,
    Refused,
    Touch,
)
from talktime.core.policies import DEFAULT_POLICY
from talktime.core.pool_sizes import PoolName
from talktime.core.prices import Prices
from talktime.core.time import MINUTE, SECOND
from talktime.storage.store import decode_call, decode_postings
from tests.simulation import mirror
from tests.simulation.actions import Actions
from tests.simulation.clients import Caller, Errand
from tests.simulation.invariants import (
    Books,
    expired_money_is_gone,
    is_covered,
    nothing_is_open,
)
from tests.simulation.limits import People, everybody_was_told, minutes_in, tallies_in, who_is_blocked_is_in_the_log
from tests.simulation.mirror import Mirror, Seen, Wrong, expect
from tests.simulation.processes import MILLISECOND, Process
from tests.simulation.reference import Reference, Said
from tests.simulation.setting import (
    PAYING,
    POLICIES,
    START,
    USERS,
    OrgPlan,
    as_prices,
    next_version,
    price_lists,
    some_amount,
    some_call,
    some_licences,
    some_lot,
    some_org,
    some_size,
)
from tests.simulation.store import ENTRY_KEY, KIND, POSTINGS, Memory, Rows
from tests.simulation.switches import Line, some_script

DRAINED_WITHIN = 8 * 60 * MINUTE
ERRANDS_EVERY = 15 * SECOND
UNKNOWN_ORG = 99
CLOCK = "clock"


class Size(Struct, frozen=True):
    """How much happens, and how much goes wrong: a share of all messages, or of all steps of a transaction."""

    calls: int = 400
    minutes: int = 25
    orgs: int = 3
    processes: int = 3
    lost: float = 0.04
    doubled: float = 0.04
    late: float = 0.03
    crashes: float = 0.0015
    unknown_outcomes: float = 0.006
    down: float = 0.002


class Figures(Struct):
    worlds: int = 0
    operations: int = 0
    """Commands that were committed. One that is run again counts again."""
    commits: int = 0
    crashes: int = 0
    conflicts: int = 0
    failed: int = 0
    words: Counter[str] = field(default_factory=Counter)
    """How often each answer was given."""
    trace: str = ""

    def add(self, other: Figures) -> None:
        for name in ("worlds", "operations", "commits", "crashes", "conflicts", "failed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.words.update(other.words)
        self.trace = blake2b((self.trace + other.trace).encode(), digest_size=8).hexdigest()


def words_of(answer: Said) -> list[str]:
    """What was said, or why not, and who pays."""
    match answer:
        case ("refused", reason, *_):
            return [str(reason)]
        case ("granted", _, _, _, _, _, _, payer, *_):
            return ["granted", f"by {payer}"]
        case ("ended", _, _, _, _, rows, *_):
            return ["ended", "split"] if len(rows) > 1 else ["ended"]
    return [str(answer[0])]


class World:
    def __init__(self, seed: int, size: Size | None = None) -> None:
        self.seed = seed
        self.size = size or Size()
        self.chance = Random(seed)
        self.now = START
        self.figures = Figures()
        self.under_way = 0
        """Calls and requests that are not over."""
        self.acknowledged: list[tuple[Command, Answer]] = []
        self._calm = False
        self._drained = False
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = count()
        self._trace = blake2b(digest_size=8)
        self._price_lists = price_lists()
        self.memory = Memory()
        self.mirror = Mirror(Reference(self._price_lists))
        self._books = Books(self.memory)
        self._people = People(self.memory)
        self._actions = Actions(self.memory, self.mirror.reference, self._books)
        self._processes = [Process(self, n) for n in range(self.size.processes)]
        self.lane = self._processes[0].lanes[0]
        """Whose turn it is."""

    def run(self) -> Figures:
        try:
            self._prepare()
            self._live_until(self.now + self.size.minutes * MINUTE)
            self._drain()
            self._check_the_end()
        except Wrong as wrong:
            raise Wrong(
                f"world {self.seed}, {(self.now - START) / SECOND:.3f} s after its beginning: {wrong}"
            ) from wrong
        except Exception as error:
            raise Wrong(f"world {self.seed}: nobody expected {error!r}") from error
        finally:
            for process in self._processes:
                for lane in process.lanes:
                    lane.fiber.close()
        self.figures.worlds, self.figures.trace = 1, self._trace.hexdigest()
        return self.figures

    # ---------------------------------------------------------------- time and chance

    def later(self, delay: int, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + delay, next(self._numbers), what))

    def _live_until(self, end: int) -> None:
        while self._events and self._events[0][0] <= end:
            self.now, _, what = heapq.heappop(self._events)
            what()
        self.now = end

    def _every(self, delay: int, what: Callable[[], None]) -> None:
        def once() -> None:
            what()
            self.later(delay, once)

        self.later(delay, once)

    def strikes(self, share: float) -> bool:
        return not self._calm and self.chance.random() < share

    def note(self, *words: object) -> None:
        self._trace.update(f"{self.now} {words}\n".encode())

    # ---------------------------------------------------------------- the network

    def carry(self, arrive: Callable[[], None]) -> None:
        """It arrives, or not, or twice, or late."""
        chance, size = self.chance, self.size
        if self._calm:
            self.later(MILLISECOND, arrive)
            return
        while not self.strikes(size.lost):
            delay = 120_000 if self.strikes(size.late) else 30
            self.later(chance.randrange(1, delay) * MILLISECOND, arrive)
            if not self.strikes(size.doubled):
                return

    def some_process(self) -> Process:
        return self.chance.choice(self._processes)

    def read_prices(self) -> Prices:
        return as_prices(self._price_lists)

    # ---------------------------------------------------------------- who is there, and what they will do

    def _prepare(self) -> None:
        for org_id in range(1, self.size.orgs + 1):
            plan = some_org(self.chance, org_id)
            self._actions.add_org(plan, self.now)
            for pool in plan.pool_names:
                self._actions.resize(org_id, pool, some_size(self.chance), self._clock(org_id))
            self._plan_administration(org_id)
            self._plan_people(plan)
        for name in ("default", "later"):
            self._plan_publication(name)
        self._plan_calls()
        self._every(ERRANDS_EVERY, self._send_errands)

    def _plan_calls(self) -> None:
        """Many at one time, so that they meet."""
        chance, left = self.chance, self.size.calls
        while left > 0:
            begin, org_id = self._some_time(), self._some_org()
            rush = min(left, chance.choice([1, 4, 12, 25]))
            if rush >= 12:
                self._plan_debt(org_id, begin)
            second_wave = chance.choice([0, 30, 60]) * SECOND
            for n in range(rush):
                later = second_wave if n % 2 else 0
                self._plan_call(org_id if chance.random() < 0.8 else self._some_org(), begin + later)
            left -= rush
        self._plan_call(UNKNOWN_ORG, self._some_time())

    def _plan_call(self, org_id: int, begin: int) -> None:
        number = next(self._numbers)
        line = Line(Random(f"{self.seed}/{number}"), org_id, f"c{number}", some_call(self.chance), lambda: self.now)
        self.under_way += 1
        begin += self.chance.randrange(30) * MILLISECOND
        self.later(begin, Caller(self, some_script(self.chance)(line)).go_on)

    def _some_time(self) -> int:
        return self.chance.randrange(self.size.minutes * 60_000) * MILLISECOND

    def _some_org(self) -> int:
        return self.chance.randrange(1, self.size.orgs + 1)

    def _plan_administration(self, org_id: int) -> None:
        chance = self.chance
        for number in range(chance.randrange(16)):
            self._plan(org_id, lambda number=number: self._fund(org_id, number))  # type: ignore[misc]
        for number in range(chance.choice([0, 0, 1, 3])):
            self._plan(org_id, lambda number=number: self._correct(org_id, number))  # type: ignore[misc]
        if chance.random() < 0.06:
            self._plan(org_id, lambda: self._actions.close(org_id))
        if self.memory.accounts[org_id].clock_at:
            self._every(20 * SECOND, lambda: self._move_clock(org_id, chance.choice([0, 5, 20, 300]) * SECOND))

    def _plan_debt(self, org_id: int, begin: int) -> None:
        """Money for a rush, and a correction in the middle of it, when calls hold what will come back."""
        number = 1000 + next(self._numbers)
        self._act_at(begin - SECOND, org_id, lambda: self._fund(org_id, number))
        self._act_at(begin + 10 * SECOND, org_id, lambda: self._correct(org_id, number))

    def _plan_people(self, plan: OrgPlan) -> None:
        """Licences come and go, and pools with them; users are blocked, unblocked and restricted."""
        chance, org_id, actions = self.chance, plan.org_id, self._actions
        users = [f"usr_{name}" for name in USERS]
        changes: list[Callable[[], None]] = [
            lambda: actions.resize(org_id, chance.choice(plan.pool_names), some_size(chance), self._clock(org_id)),
            lambda: actions.resize(org_id, PoolName("MCOMEETADD"), some_size(chance), self._clock(org_id)),
            lambda: actions.assign(org_id, chance.choice(users), some_licences(chance)),
            lambda: actions.take_credits_licence(org_id, chance.choice(users)),
            lambda: actions.assign(org_id, chance.choice(users), PAYING),
            *[lambda: actions.block(org_id, chance.choice(users), False, self._clock(org_id))] * 6,
            lambda: actions.block(org_id, chance.choice(users), True, self._clock(org_id)),
            lambda: actions.restrict(org_id, chance.choice(users), chance.choice(POLICIES)),
        ]
        for _ in range(chance.randrange(80)):
            self._plan(org_id, chance.choice(changes))
        if chance.random() < 0.1:
            self._plan(org_id, lambda: actions.restrict_all(org_id, chance.choice(POLICIES) or DEFAULT_POLICY.value))

    def _plan(self, org_id: int, action: Callable[[], None]) -> None:
        self._act_at(self._some_time(), org_id, action)

    def _act_at(self, begin: int, org_id: int, action: Callable[[], None]) -> None:
        """An action takes the lock of its organization before it begins."""

        def act() -> None:
            if org_id in self.memory.locked:
                self.later(5 * MILLISECOND, act)
            else:
                action()

        self.later(max(begin, 0), act)

    def _fund(self, org_id: int, number: int) -> None:
        lot = some_lot(self.chance, f"bought{org_id}-{number}", self._clock(org_id))
        self.note("grant", org_id, lot)
        self._actions.grant(org_id, lot, self._clock(org_id))

    def _correct(self, org_id: int, number: int) -> None:
        account, chance = self.memory.accounts[org_id], self.chance
        # Often a little more than is there: then there is debt, and what calls hold comes back to it.
        a_little_more = account.posted - account.held + account.held // chance.choice([4, 12, 40]) + 1
        amount = max(a_little_more, 1) if account.held and chance.random() < 0.8 else some_amount(chance)
        self.note("correction", org_id, amount)
        self._actions.take(org_id, f"{org_id}-{number}", amount, self._clock(org_id))

    def _move_clock(self, org_id: int, by: int) -> None:
        if not self._drained:
            self._actions.set_clock(org_id, self._clock(org_id) + by)

    def _clock(self, org_id: int) -> int:
        return self.memory.accounts[org_id].clock_at or self.now

    def _plan_publication(self, name: str) -> None:
        def publish() -> None:
            # Ahead of time by everybody's clock, so that every process knows it when it begins to count.
            latest = max(self._clock(org_id) for org_id in self.memory.accounts)
            ahead = 5 * MINUTE if latest <= self.now else 15 * MINUTE
            self._price_lists[name].append(next_version(self.chance, max(latest, self.now) + ahead))
            self.memory.prices_revision += 1

        self.later(self._some_time(), publish)

    # ---------------------------------------------------------------- the clock's errands

    def _send_errands(self) -> None:
        for org_id, call_id in sorted(self.memory.due):
            # Now and then one that is not due.
            if self.memory.due[org_id, call_id] <= self._clock(org_id) or self.strikes(0.02):
                self._send(Lapse(org_id, call_id, 0, CLOCK))
        for org_id, lots in self.memory.lots.items():
            if any(lot.posted > lot.held and lot.expires_at <= self._clock(org_id) for lot in lots.values()):
                self._send(Touch(org_id, "", 0, CLOCK))

    def _send(self, command: Command) -> None:
        self.some_process().receive(Errand(command))

    # ---------------------------------------------------------------- the quiet end

    def _drain(self) -> None:
        """Nothing fails any more, and no new call begins."""
        self._calm = True
        end = self.now + DRAINED_WITHIN
        while self.under_way or self.memory.due:
            self._live_until(self.now + MINUTE)
            for org_id, account in self.memory.accounts.items():
                if account.clock_at:
                    self._move_clock(org_id, MINUTE)
            if self.now > end:
                raise Wrong(
                    f"I19: {self.under_way} under way and {len(self.memory.due)} calls open after hours of quiet"
                )
        # What is due by now is done within this minute.
        self._drained = True
        self._live_until(self.now + MINUTE)

    # ---------------------------------------------------------------- comparing

    def committed(self, commands: Sequence[Command], seen: Seen, before: Rows) -> list[Said]:
        """The same in the reference, and what must hold now."""
        answers = self.mirror.run(commands, seen)
        self._count(commands, answers)
        self._books.committed(before)
        self._people.committed(before)
        is_covered(self.memory, before, {org_id: org["clock"] or commands[0].at for org_id, org in seen.orgs.items()})
        for org_id in seen.orgs:
            self._compare_org(org_id)
        for key in seen.calls:
            self._compare_call(key)
        return answers

    def _count(self, commands: Sequence[Command], answers: Sequence[Said]) -> None:
        self.figures.operations += len(commands)
        self.figures.commits += 1
        self.figures.words.update([word for answer in answers for word in words_of(answer)])
        self.note(commands, answers)

    def _compare_org(self, org_id: int) -> None:
        account, lots = self.memory.accounts[org_id], self.memory.lots[org_id]
        found = {"posted": account.posted, "held": account.held, "debt": account.debt}
        found_lots = {lot_id: (lot.posted, lot.held) for lot_id, lot in lots.items()}
        org = self.mirror.reference.orgs[org_id]
        expect(f"money of {org_id}", found | {"lots": found_lots}, mirror.amounts(org))
        expect(f"minutes of {org_id}", minutes_in(self.memory, org_id), mirror.minutes(org))
        expect(f"counted in {org_id}", tallies_in(self.memory, org_id), mirror.counted(org))

    def _compare_call(self, key: Key) -> None:
        row = self.memory.calls.get(key)
        found = mirror.said_call(decode_call(row.story) if row else None)
        expect(f"call {key}", found, mirror.told_call(self.mirror.reference.calls.get(key)))

    def _check_the_end(self) -> None:
        nothing_is_open(self.memory)
        who_is_blocked_is_in_the_log(self.memory)
        everybody_was_told(self.memory)
        for org_id in self.memory.accounts:
            expired_money_is_gone(self.memory, org_id, self._clock(org_id), 2 * ERRANDS_EVERY)
            self._compare_org(org_id)
        for key in {*self.memory.calls, *self.mirror.reference.calls}:
            self._compare_call(key)
        self._compare_entries()
        for command, answer in self.acknowledged:
            self._is_kept(command, answer)
        self.note(sorted(self.memory.accounts.items()))

    def _compare_entries(self) -> None:
        found = {
            (org_id, entry[ENTRY_KEY]): mirror.summed(decode_postings(entry[POSTINGS]))
            for org_id, entries in self.memory.entries.items()
            for entry in entries
            if entry[KIND] == "charge"
        }
        wanted = {key: mirror.summed(postings) for key, postings in self.mirror.reference.entries.items()}
        expect("entries of calls", found, wanted)

    def _is_kept(self, command: Command, answer: Answer) -> None:
        """I11, I12: what was answered is there, and as it was answered."""
        row = self.memory.calls.get((command.org_id, command.call_id))
        call = decode_call(row.story) if row else None
        match answer:
            case Granted() | Refused():
                expect(f"the answer kept for {command}", call and call.answer, answer)
            case Ended():
                expect(f"an end kept for {command}", bool(call and call.settled), True)
            case Extended() if call:
                expect(f"the seconds kept for {command}", call.seconds >= answer.seconds, True)
