"""Calls of a file as they are booked: what is known of their ids, and the rows that many of them bring at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from sqlalchemy import BigInteger, cast, func, insert, select, text, update

from talktime.core.calls import Call
from talktime.core.organizations import User
from talktime.core.pool_book import MovedPool, PoolKey, PoolMonth
from talktime.core.posting import Known, known_call, reported
from talktime.storage import notice_rows, notice_store, pool_rows, usage_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.store import USER_COLUMNS, call_values, decode_call, users_of

c, k, m = t.calls.c, t.user_names.c, t.pool_months.c
s, u = t.service_numbers.c, t.usage.c


class UsageRows(Protocol):
    def __len__(self) -> int: ...

    def rows(self) -> Sequence[tuple[Any, ...]]:
        """In the order of usage_store.COLUMNS."""
        ...

    def arrays(self) -> Mapping[str, str]:
        """Each column as PostgreSQL writes an array, and `kind`: the place of what a row has in common with others."""
        ...


# ---------------------------------------------------------------- what is there


def known_calls(tx: ReadTx, org_id: int, call_ids: Sequence[str]) -> dict[str, Known]:
    stories = tx.scalars(select(c.story).where(c.org_id == org_id, _among(tx, c.call_id)), _keys(tx, call_ids))
    return {call.call_id: known_call(call) for call in map(decode_call, stories)}


def known_usage(tx: ReadTx, org_id: int, call_ids: Sequence[str]) -> dict[str, Known]:
    """What brought a usage row, from a file or not."""
    seconds = cast(func.sum(u.seconds), BigInteger)
    found = select(u.call_id, func.max(u.number), seconds, func.min(u.payer), func.max(u.payer))
    found = found.where(u.org_id == org_id, _among(tx, u.call_id)).group_by(u.call_id)
    return {
        call_id: reported(number, seconds, frozenset(payers))
        for call_id, number, seconds, *payers in tx.execute(found, _keys(tx, call_ids))
    }


def users(tx: ReadTx, org_id: int, names: Sequence[str]) -> dict[str, User]:
    """By the names that there are. Two looks, each by a key: a join would depend on what is known of the tables."""
    looked = select(k.name, k.user_id).where(k.org_id == org_id, _among(tx, k.name))
    meant = dict(tx.execute(looked, _keys(tx, names)).all())
    of_users = f"SELECT u.org_id, u.user_id, {USER_COLUMNS} FROM users u WHERE u.org_id = :org_id AND u.user_id "
    query = text(of_users + _AMONG[tx.dialect.name])
    found = users_of(tx.execute(query, {"org_id": org_id} | _keys(tx, sorted(set(meant.values())))))
    return {name: found[org_id, user_id] for name, user_id in meant.items() if (org_id, user_id) in found}


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
    return column.op("")(text(_AMONG[tx.dialect.name]))


def _keys(tx: ReadTx, keys: Sequence[str]) -> dict[str, str]:
    return {"keys": _array(keys) if tx.dialect.name == "postgresql" else msgspec.json.encode(keys).decode()}


def _array(words: Sequence[str]) -> str:
    """As PostgreSQL writes one. No word has a nought byte."""
    if not words:
        return "{}"
    joined = "\0".join(words).replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace("\0", '","') + '"}'


# ---------------------------------------------------------------- what is written

_INTO = f"INSERT INTO usage ({', '.join(usage_store.COLUMNS)})"
_OWN = ("usage_id", "call_id", "user_id", "caller", "number", "conference_id")
_OWN_NUMBERS = ("started_at", "seconds", "minutes", "charge", "kind")
_ALIKE = (
    *("call_type", "user_location", "number_type", "context", "destination"),
    *("currency", "capability", "payer", "entry_key"),
)
_ALIKE_NUMBERS = ("part", "connection_fee", "charge_decimals")
_FIELDS = {"fee_micros": "connection_fee", "charge_micros": "charge"}


def _unnested(alias: str, words: Sequence[str], numbers: Sequence[str], also: str = "") -> str:
    kinds = [(one, "text") for one in words] + [(one, "bigint") for one in numbers]
    arrays = ", ".join(f"CAST(%({one})s AS {kind}[])" for one, kind in kinds)
    return f"unnest({arrays}) {also} AS {alias}({', '.join(one for one, _ in kinds)}{', place' if also else ''})"


def _source(column: str) -> str:
    field = _FIELDS.get(column, column)
    return f"{'m' if field in _OWN + _OWN_NUMBERS else 'a' if field == 'org_id' else 'l'}.{field}"


# Whole columns at once, beside the organization's own row: so it stays on the machine that has the organization. What
# many rows have in common is sent once: to read an array costs more than to look into a short list.
_ADD_ARRAYS = f"""{_INTO} SELECT {", ".join(map(_source, usage_store.COLUMNS))} FROM accounts a
CROSS JOIN {_unnested("m", _OWN, _OWN_NUMBERS)}
JOIN {_unnested("l", _ALIKE, _ALIKE_NUMBERS, "WITH ORDINALITY")} ON l.place = m.kind + 1
WHERE a.org_id = %(org_id)s"""
_ADD_ROWS = f"{_INTO} VALUES ({', '.join('?' * len(usage_store.COLUMNS))})"


def add_usage(tx: Tx, org_id: int, usage: UsageRows) -> None:
    if not len(usage):
        return
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(_ADD_ARRAYS, {"org_id": org_id, **usage.arrays()})
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
    notice_store.add(tx, org_id, notice_rows.pool_notices(moved, used))


def _move_pool(tx: Tx, org_id: int, moved: MovedPool) -> tuple[int, int]:
    used = {"first_used": m.first_used + moved.first_used, "second_used": m.second_used + moved.second_used}
    there = update(t.pool_months).where(m.org_id == org_id, m.pool_id == moved.pool_id, m.month == moved.month)
    first, second = tx.execute(there.values(used).returning(m.first_used, m.second_used)).one()
    return first, second
