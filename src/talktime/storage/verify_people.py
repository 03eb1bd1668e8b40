"""What the calls of one organization say of its people: usage rows, what is counted of users, who was blocked."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from msgspec.structs import astuple, replace
from sqlalchemy import Select, and_, func, or_, select

from talktime.core.calls import Call, CallState
from talktime.core.fraud import guard_of
from talktime.core.lots import total
from talktime.core.reporting import LONGEST
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization
from talktime.storage.store import decode_tally
from talktime.storage.verify_books import Tell, streamed
from talktime.storage.verify_pools import PoolCounts

BLOCKED = "Blocked"
c, g, b = t.calls.c, t.usage.c, t.user_blocks.c
# A call has one usage row, or two.
FIRST, SECOND = t.usage.alias("first"), t.usage.alias("second")
# In the order in which a story tells of it.
REPORTED = ("usage_id", "capability", "payer", "minutes", "charge_micros")
USAGE_COLUMNS = [part.c[name].label(f"{part.name}_{name}") for part in (FIRST, SECOND) for name in REPORTED]
_WIDTH = len(REPORTED)
_WHOLE = ("part", "started_at", "seconds", "minutes", "fee_micros", "charge_micros", "charge_decimals")


def with_usage(joined: Any, org_id: int) -> Any:
    """Beside each call what is reported of it."""
    for part, alias in enumerate((FIRST, SECOND)):
        mine = and_(alias.c.org_id == org_id, alias.c.call_id == c.call_id, alias.c.part == part)
        joined = joined.outerjoin(alias, mine)
    return joined


class People:
    """Added up call by call."""

    def __init__(self) -> None:
        self.pools = PoolCounts()
        self.reported = 0
        """Usage rows that belong to a call."""
        self.running: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        """Of each user: counted calls in progress, and what they hold."""

    def add(self, row: Any, call: Call, tell: Tell) -> None:
        self._check_usage(row, call, tell)
        terms = call.terms
        if terms is None:
            return
        if terms.pool and call.minutes:
            self.pools.add(terms.pool, terms.month, terms.second, call.state is CallState.OPEN, call.minutes)
        if call.state is CallState.OPEN and call.caller:
            counted = self.running[call.caller]
            counted[0] += 1
            counted[1] += total(call.drawn)

    def _check_usage(self, row: Any, call: Call, tell: Tell) -> None:
        first, second = row[-2 * _WIDTH] is not None, row[-_WIDTH] is not None
        self.reported += first + second
        stored = [row[-2 * _WIDTH : -_WIDTH]] if first or second else []
        if second:
            stored.append(row[-_WIDTH:])
        if stored != (wanted := _wanted(call)) and not (_is_of_before(call) and not stored):
            tell("relations", f"call {call.call_id}: its usage rows are {stored}, its story says {wanted}")


def _wanted(call: Call) -> list[tuple[Any, ...]]:
    rows = call.settled.rows if call.settled else ()
    return [astuple(one if one.minutes < LONGEST else replace(one, minutes=LONGEST)) for one in rows]


def _is_of_before(call: Call) -> bool:
    """Ended before usage was reported in rows."""
    return call.terms is None


def check_people(tx: ReadTx, org: Organization, people: People, tell: Tell) -> None:
    if tx.dialect.name == "sqlite":
        _check_whole(tx, org.org_id, tell)
    rows = tx.scalar(select(func.count()).select_from(t.usage).where(g.org_id == org.org_id)) or 0
    if rows != people.reported:
        for usage_id, call_id in tx.execute(_beside(org.org_id)):
            tell("relations", f"usage row {usage_id}: call {call_id} has no such part")
        people.pools.add_rows(tx, org)
    people.pools.check(tx, org, tell)
    if guard_of(org.limits, org.mode, org.currency).counts:
        _check_tallies(tx, org.org_id, people, tell)
    _check_blocks(tx, org.org_id, tell)


def _check_whole(tx: ReadTx, org_id: int, tell: Tell) -> None:
    """A column of SQLite takes what it is given."""
    broken = or_(*[func.typeof(g[name]) != "integer" for name in _WHOLE])
    for usage_id in tx.scalars(select(g.usage_id).where(g.org_id == org_id, broken)):
        tell("I16", f"usage row {usage_id}: an amount is no whole number")


def _beside(org_id: int) -> Select[Any]:
    """Rows that a call cannot have."""
    call = and_(c.org_id == org_id, c.call_id == g.call_id)
    joined = t.usage.join(t.calls, call)
    return select(g.usage_id, g.call_id).select_from(joined).where(g.org_id == org_id, g.part.not_in((0, 1)))


def _check_tallies(tx: ReadTx, org_id: int, people: People, tell: Tell) -> None:
    rows = t.tallies.c
    for user_id, story in streamed(tx, select(rows.user_id, rows.story).where(rows.org_id == org_id)):
        tally = decode_tally(story)
        stored, wanted = [tally.open_calls, tally.held], people.running.get(user_id, [0, 0])
        if stored != wanted:
            tell("I2", f"tally of {user_id}: calls in progress and held are {wanted}, counted is {stored}")


def _check_blocks(tx: ReadTx, org_id: int, tell: Tell) -> None:
    """Who is blocked was blocked by somebody for a reason, and nobody else still is by what was written down."""
    log = select(b.user_id, b.mode).where(b.org_id == org_id).order_by(b.block_id)
    last: dict[str, str] = dict(streamed(tx, log))
    u = t.users.c
    blocked = set(tx.scalars(select(u.user_id).where(u.org_id == org_id, u.blocked_at.is_not(None))))
    noted = {user_id for user_id, mode in last.items() if mode == BLOCKED}
    for user_id in sorted(blocked ^ noted):
        told = "is blocked" if user_id in blocked else "is not blocked"
        tell("I15", f"user {user_id} {told}, and the log of blocks ends with {last.get(user_id, 'nothing')}")
