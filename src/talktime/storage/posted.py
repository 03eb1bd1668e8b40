"""Calls of a file as they are booked: what is known of their ids, and the rows that many of them bring at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import ARRAY, BigInteger, Text, bindparam, cast, func, insert, select, text, update

from talktime.core.calls import Call
from talktime.core.organizations import User
from talktime.core.pool_book import MovedPool, PoolKey, PoolMonth
from talktime.core.posting import Known, known_call, known_usage
from talktime.storage import notice_rows, pool_rows, usage_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.store import USER_COLUMNS, call_values, decode_call, users_of

c, m, n, s, u = t.calls.c, t.pool_months.c, t.notices.c, t.service_numbers.c, t.usage.c


class UsageRows(Protocol):
    def __len__(self) -> int: ...

    def rows(self) -> Sequence[tuple[Any, ...]]:
        """In the order of usage_store.COLUMNS."""
        ...

    def arrays(self) -> Mapping[str, str]:
        """Each column, in that order, as PostgreSQL writes an array."""
        ...


# ---------------------------------------------------------------- what is there


def known(tx: ReadTx, org_id: int, call_ids: Sequence[str]) -> dict[str, Known]:
    """Those of the ids that there are."""
    reported = (
        select(
            u.call_id, func.max(u.number), cast(func.sum(u.seconds), BigInteger), func.min(u.payer), func.max(u.payer)
        )
        .where(u.org_id == org_id, _among(tx, u.call_id))
        .group_by(u.call_id)
    )
    found = {
        call_id: known_usage(number, seconds, frozenset(payers))
        for call_id, number, seconds, *payers in tx.execute(reported, _keys(tx, call_ids))
    }
    stories = tx.scalars(select(c.story).where(c.org_id == org_id, _among(tx, c.call_id)), _keys(tx, call_ids))
    return found | {call.call_id: known_call(call) for call in map(decode_call, stories)}


def users(tx: ReadTx, org_id: int, names: Sequence[str]) -> dict[str, User]:
    """By the names that there are."""
    query = text(
        f"""SELECT n.org_id, n.name, {USER_COLUMNS} FROM user_names n
JOIN users u ON u.org_id = n.org_id AND u.user_id = n.user_id
WHERE n.org_id = :org_id AND n.name {_AMONG[tx.dialect.name]}"""
    )
    found = users_of(tx.execute(query, {"org_id": org_id} | _keys(tx, names)))
    return {name: user for (_, name), user in found.items()}


def toll_free(tx: ReadTx, org_id: int) -> Sequence[str]:
    return tx.scalars(select(s.number).where(s.org_id == org_id, s.type == "toll_free")).all()


_POOLS = f"""SELECT {pool_rows.COLUMNS} FROM pools p JOIN (SELECT :month AS month) k ON true
LEFT JOIN pool_months m ON m.org_id = p.org_id AND m.pool_id = p.pool_id AND m.month = k.month
WHERE p.org_id = :org_id AND p.pool_id """


def pools(tx: ReadTx, org_id: int, pool_ids: Sequence[str], month: str) -> dict[PoolKey, PoolMonth]:
    query = text(_POOLS + _AMONG[tx.dialect.name])
    return pool_rows.pools_of(tx.execute(query, {"org_id": org_id, "month": month} | _keys(tx, pool_ids)))


# However many keys: one parameter, and one statement to be read.
_AMONG = {
    "postgresql": "= ANY (CAST(:keys AS text[]))",
    "sqlite": "IN (SELECT value FROM json_each(:keys))",
}


def _among(tx: ReadTx, column: Any) -> Any:
    if tx.dialect.name == "postgresql":
        return column == func.any(bindparam("keys", type_=ARRAY(Text)))
    return column.in_(text("SELECT value FROM json_each(:keys)").columns(value=Text))


def _keys(tx: ReadTx, keys: Sequence[str]) -> dict[str, Any]:
    return {"keys": list(keys) if tx.dialect.name == "postgresql" else msgspec.json.encode(keys).decode()}


# ---------------------------------------------------------------- what is written

_TEXTS = frozenset(column.name for column in t.usage.columns if isinstance(column.type, Text))
_INTO = f"INSERT INTO usage ({', '.join(usage_store.COLUMNS)})"
_GIVEN = usage_store.COLUMNS[1:]
# Whole columns at once, beside the organization's own row: so it stays on the machine that has the organization.
_ADD_ARRAYS = f"""{_INTO} SELECT a.org_id, m.* FROM accounts a
CROSS JOIN unnest({", ".join(f"CAST(%({one})s AS {'text' if one in _TEXTS else 'bigint'}[])" for one in _GIVEN)})
AS m({", ".join(_GIVEN)}) WHERE a.org_id = %(of)s"""
_ADD_ROWS = f"{_INTO} VALUES ({', '.join('?' * len(usage_store.COLUMNS))})"


def add_usage(tx: Tx, org_id: int, usage: UsageRows) -> None:
    if not len(usage):
        return
    if tx.dialect.name == "postgresql":
        arrays = dict(zip(usage_store.COLUMNS, usage.arrays().values(), strict=True))
        tx.exec_driver_sql(_ADD_ARRAYS, arrays | {"of": org_id})
    else:
        tx.exec_driver_sql(_ADD_ROWS, list(usage.rows()))


def add_calls(tx: Tx, calls: Iterable[Call]) -> None:
    rows = [_call_row(call) for call in calls]
    if rows:
        tx.execute(insert(t.calls), rows)


def _call_row(call: Call) -> dict[str, Any]:
    names = ("version", "state", "held_micros", "charge_micros", "due_at")
    *values, story = call_values(call)
    key = {"org_id": call.org_id, "call_id": call.call_id, "opened_at": call.opened_at, "story": story.decode()}
    return key | dict(zip(names, values, strict=True)) | {"switch": None, "caller": None, "emergency": False}


def move_pools(tx: Tx, org_id: int, moved: Sequence[MovedPool]) -> None:
    """Under the lock of the account. Who is to be told that a pool comes to its end is told."""
    made = [one for one in moved if not one.is_kept]
    if made:
        tx.execute(
            insert(t.pool_months), [dict(zip(("org_id", "pool_id", "month"), one.key, strict=True)) for one in made]
        )
    used = {one.key: _move_pool(tx, org_id, one) for one in moved}
    for notice in notice_rows.pool_notices(moved, used):
        there = select(n.once).where(n.org_id == org_id, n.once == notice.once)
        if tx.scalar(there) is None:
            tx.execute(insert(t.notices), notice._asdict())


def _move_pool(tx: Tx, org_id: int, moved: MovedPool) -> tuple[int, int]:
    used = {"first_used": m.first_used + moved.first_used, "second_used": m.second_used + moved.second_used}
    there = update(t.pool_months).where(m.org_id == org_id, m.pool_id == moved.pool_id, m.month == moved.month)
    first, second = tx.execute(there.values(used).returning(m.first_used, m.second_used)).one()
    return first, second
