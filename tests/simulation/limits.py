"""What must hold of pools, of what is counted of users, of blocks and of what is reported, after every commit."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from talktime.core.calls import Call, CallState, Key
from talktime.core.lots import total
from talktime.core.pool_book import PoolKey
from talktime.core.pools import effective
from talktime.core.time import SECOND
from talktime.core.usage import Usage
from talktime.storage.store import decode_call
from tests.simulation.mirror import Wrong, expect
from tests.simulation.store import CallRow, Memory, MonthRow, Rows

Taken = Counter[tuple[PoolKey, int, str]]
"""Minutes by pool and month, by kind, and whether they are used or held."""


class People:
    """What calls say of pools and users, added up call by call, to be compared with what is stored."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._taken: Taken = Counter()
        self._open: defaultdict[Key, int] = defaultdict(int)
        self._held: defaultdict[Key, int] = defaultdict(int)

    def committed(self, before: Rows) -> None:
        """`before`: the rows that were changed, as they were."""
        for key, row in before.calls.items():
            if row:
                self._add(row, -1)
            self._add(self._memory.calls[key], 1)
            self._is_reported(decode_call(self._memory.calls[key].story))
        for pool in before.months:
            self._check_month(pool)
        for user in before.tallies:
            self._check_tally(user)
        self._are_told_once()

    def _add(self, row: CallRow, sign: int) -> None:
        call = decode_call(row.story)
        if call.terms and call.terms.pool:
            pool, what = (call.org_id, call.terms.pool, call.terms.month), _what(call)
            self._taken[pool, int(call.terms.second), what] += sign * call.minutes
        if call.caller and call.state is CallState.OPEN:
            self._open[call.org_id, call.caller] += sign
            self._held[call.org_id, call.caller] += sign * total(call.drawn)

    def _check_month(self, key: PoolKey) -> None:
        """I5, I18: of the minutes that a month has at most."""
        sizes = self._sizes(key)
        for kind, (used, held) in enumerate(_counts(self._memory.months[key])):
            expect(f"{key}, {kind}: held, by open calls", held, self._taken[key, kind, "held"])
            expect(f"{key}, {kind}: used, by calls that ended", used, self._taken[key, kind, "used"])
            if used + held > sizes[kind]:
                raise Wrong(f"I5, {key}: {used} used and {held} held of {sizes[kind]}")

    def _sizes(self, key: PoolKey) -> tuple[int, int]:
        """The most that ever counted for this month."""
        rows = self._memory.pools[key[0], key[1]]
        first = max(effective(row.first_total, row.first_high, row.month, key[2]) for row in rows)
        return first, max(effective(row.second_total, row.second_high, row.month, key[2]) for row in rows)

    def _check_tally(self, key: Key) -> None:
        tally = self._memory.tallies[key].tally
        expect(f"{key}: calls in progress", tally.open_calls, self._open[key])
        expect(f"{key}: held by them", tally.held, self._held[key])

    def _is_reported(self, call: Call) -> None:
        """The rows of the reports are those that the switch was told, and one begins when the other ends."""
        rows = call.settled.rows if call.settled else ()
        wanted = [(row.usage_id, row.capability, row.payer, row.minutes, row.charge) for row in rows]
        kept = self._memory.usage.get((call.org_id, call.call_id), [])
        found = [(row.usage_id, row.capability, row.payer, row.minutes, row.charge) for row in kept]
        expect(f"usage of {call.call_id}", found, wanted)
        expect(f"charge of {call.call_id}, by its usage", sum(row.charge for row in kept), _charge(call))
        for earlier, later in pairwise(kept):
            expect(f"{call.call_id}: its parts follow each other", later.started_at, ends_at(earlier))

    def _are_told_once(self) -> None:
        notices = [notice.notice_id for notice in self._memory.notices.values()]
        expect("ids of notices", len(set(notices)), len(notices))


def _what(call: Call) -> str:
    return "held" if call.state is CallState.OPEN else "used"


def _charge(call: Call) -> int:
    return call.settled.charge if call.settled else 0


def ends_at(row: Usage) -> int:
    return row.started_at + row.seconds * SECOND


def _counts(row: MonthRow) -> tuple[tuple[int, int], tuple[int, int]]:
    return (row.first_used, row.first_held), (row.second_used, row.second_held)


def minutes_in(memory: Memory, org_id: int) -> Counter[tuple[str, str, int, str]]:
    """Used and held, of each pool, month and kind; nothing stands for nothing."""
    found: Counter[tuple[str, str, int, str]] = Counter()
    for pool, row in memory.months.items():
        if pool[0] == org_id:
            for kind, counts in enumerate(_counts(row)):
                found[pool[1], pool[2], kind, "used"], found[pool[1], pool[2], kind, "held"] = counts
    return Counter({key: number for key, number in found.items() if number})


def tallies_in(memory: Memory, org_id: int) -> dict[str, tuple[int, int, tuple[str, ...]]]:
    mine = [(user_id, kept.tally) for (org, user_id), kept in memory.tallies.items() if org == org_id]
    return {user_id: (tally.open_calls, tally.held, tally.seen) for user_id, tally in mine}


def who_is_blocked_is_in_the_log(memory: Memory) -> None:
    """By turns blocked and unblocked, and now as the last row says."""
    said: dict[Key, list[str]] = defaultdict(list)
    for row in memory.block_log:
        said[row[0], row[3]].append(row[4])
    for key, user in memory.users.items():
        modes = said[key]
        expect(f"{key}: blocked, by the log", user.blocked, modes[-1:] == ["Blocked"])
        expect(f"{key}: by turns", modes, [["Blocked", "Unblocked"][n % 2] for n in range(len(modes))])


def everybody_was_told(memory: Memory) -> None:
    """Of a pool that is used up somebody was told, unless it was larger or smaller once."""
    for key, row in memory.months.items():
        sizes = memory.pools[key[0], key[1]]
        for name, total_minutes, used in (
            ("first", sizes[0].first_high, row.first_used),
            ("second", sizes[0].second_high, row.second_used),
        ):
            if len(sizes) == 1 and 0 < total_minutes <= used:
                once = f"pool_100_percent:{key[1]}:{name}:{key[2]}"
                expect(f"told: {once}", (key[0], once) in memory.notices, True)
