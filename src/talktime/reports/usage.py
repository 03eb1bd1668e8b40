"""Usage rows as people read them: what was called, who paid, with the names of the users."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, and_, func, select

from talktime.core.call_types import OWN_CARRIER
from talktime.core.ids import uuid7
from talktime.storage import tables as t
from talktime.storage import user_store
from talktime.storage.database import ReadTx
from talktime.storage.verify_books import streamed

c, u = t.usage.c, t.users.c
_TAIL = (1 << 74) - 1


class UsageRow(Struct, frozen=True, gc=False):
    usage_id: str
    call_id: str
    conference_id: str
    user_location: str
    user_id: str | None
    sign_in_name: str | None
    user_name: str | None
    caller: str
    call_type: str
    number_type: str
    context: str
    destination: str
    number: str
    started_at: int
    seconds: int
    connection_fee: int
    charge: int
    charge_decimals: int
    currency: str
    capability: str
    payer: str
    minutes: int


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rows. `begin` is inclusive, `end` is not; None: all."""

    own_carrier: bool = False
    call_id: str | None = None
    user: str | None = None
    call_type: str | None = None
    payer: str | None = None
    begin: int | None = None
    end: int | None = None


_COLUMNS = (
    *(c.usage_id, c.call_id, c.conference_id, c.user_location, c.user_id),
    *(u.sign_in_name, u.name, c.caller, c.call_type, c.number_type, c.context, c.destination, c.number),
    *(c.started_at, c.seconds, c.fee_micros, c.charge_micros, c.charge_decimals, c.currency),
    *(c.capability, c.payer, c.minutes),
)


def page(tx: ReadTx, org_id: int, wanted: Wanted, limit: int, before: str | None) -> Sequence[UsageRow]:
    """Newest first, by when the calls began."""
    query = _named(tx, org_id, wanted)
    if before is not None:
        query = query.where(c.usage_id < before)
    # The rows of one call have an index of their own: the empty text keeps the one over all rows out of it.
    order = c.usage_id if wanted.call_id is None else c.usage_id + ""
    return [UsageRow(*row) for row in tx.execute(query.order_by(order.desc()).limit(limit))]


def in_order(tx: ReadTx, org_id: int, wanted: Wanted, limit: int, after: str | None) -> Sequence[UsageRow]:
    """Oldest first: what comes meanwhile is on the pages still to come."""
    query = _named(tx, org_id, wanted)
    if after is not None:
        query = query.where(c.usage_id > after)
    return [UsageRow(*row) for row in tx.execute(query.order_by(c.usage_id).limit(limit))]


def stream(tx: ReadTx, org_id: int, wanted: Wanted) -> Generator[UsageRow, None, None]:
    """All of them, oldest first, a portion at a time in memory."""
    with closing(streamed(tx, _named(tx, org_id, wanted).order_by(c.usage_id))) as rows:
        for row in rows:
            yield UsageRow(*row)


def count(tx: ReadTx, org_id: int, wanted: Wanted) -> int:
    return int(tx.scalar(_limited(select(func.count()), tx, org_id, wanted)) or 0)


def _named(tx: ReadTx, org_id: int, wanted: Wanted) -> Select[Any]:
    named = t.usage.outerjoin(t.users, and_(u.org_id == c.org_id, u.user_id == c.user_id))
    return _limited(select(*_COLUMNS).select_from(named), tx, org_id, wanted)


def _limited(query: Select[Any], tx: ReadTx, org_id: int, wanted: Wanted) -> Select[Any]:
    carriers = sorted(OWN_CARRIER)
    query = query.where(c.org_id == org_id)
    query = query.where(c.call_type.in_(carriers) if wanted.own_carrier else c.call_type.not_in(carriers))
    if wanted.call_id is not None:
        # SQLite takes the index of calls only when both parts are named, too.
        query = query.where(c.call_id == wanted.call_id, c.part.in_((0, 1)))
    for column in ("call_type", "payer"):
        if (value := getattr(wanted, column)) is not None:
            query = query.where(t.usage.c[column] == value)
    if wanted.user is not None:
        query = query.where(c.user_id == (user_store.owner_of(tx, org_id, wanted.user) or wanted.user))
    return _between(query, wanted.begin, wanted.end)


def _between(query: Select[Any], begin: int | None, end: int | None) -> Select[Any]:
    """By the ids too, which begin with the time: they are the index."""
    if begin is not None:
        query = query.where(c.usage_id >= uuid7(max(begin, 0), 0), c.started_at >= begin)
    if end is not None:
        query = query.where(c.usage_id <= uuid7(max(end, 0), _TAIL), c.started_at < end)
    return query
