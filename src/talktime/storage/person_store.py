"""Where a person stands in the rows of an organization, and how rows are read in slices and changed one by one.

Every column of text is placed here, or said to name nobody: a test wants a decision for each that comes later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Column, ColumnElement, LargeBinary, Table, delete, select, tuple_, update

from talktime.core.calls import Call
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.delivery_store import CANCELLED
from talktime.storage.store import decode_call, encode_call
from talktime.storage.user_store import UserRow
from talktime.storage.walls import opened

u, a, d, c, g = t.users.c, t.audit.c, t.deliveries.c, t.calls.c, t.usage.c

IMPORTED = "users.imported"
"""A line of the audit log about all the users of a file."""
SECRET = frozenset({"org_id", "digest", "link_digest", "password", "recovery"})


class Kind(StrEnum):
    OWN = "own"
    """What somebody is called, in the row that is about him."""
    PARTY = "party"
    """One end of a call."""
    STORY = "story"
    TEXT = "text"
    """As somebody wrote it."""
    DOCUMENT = "document"
    """JSON."""


class Place(NamedTuple):
    table: Table
    columns: Mapping[str, Kind]
    whose: str | None = None
    """The column with the id of whom a row is about."""
    goes: bool = False
    """The row is nobody else's business, and is deleted."""

    @property
    def told(self) -> list[str]:
        """What may be handed over: no secret by which somebody signs in."""
        columns = (column for column in self.table.columns if not isinstance(column.type, LargeBinary))
        return [column.name for column in columns if column.name not in SECRET]

    @property
    def key(self) -> list[Column[Any]]:
        return [column for column in self.table.primary_key.columns if column.name != "org_id"]


_OWN, _PARTY, _STORY, _TEXT, _DOCUMENT = Kind

CALLS = Place(t.calls, {"story": _STORY})
USAGE = Place(t.usage, {"caller": _PARTY, "number": _PARTY, "conference_id": _PARTY}, "user_id")
PLACES = (
    Place(t.sessions, {"address": _OWN, "agent": _OWN}, "member_id", goes=True),
    Place(t.credentials, {"sso_subject": _OWN}, "member_id", goes=True),
    Place(t.tickets, {}, "member_id", goes=True),
    Place(t.user_blocks, {"reason": _TEXT}, "user_id"),
    CALLS,
    USAGE,
    Place(t.notices, {"details": _DOCUMENT}),
    Place(t.deliveries, {"recipients": _DOCUMENT, "body": _DOCUMENT, "error": _TEXT}),
    Place(t.idempotency, {"answer": _DOCUMENT}),
    Place(t.jobs, {"asked": _DOCUMENT, "error": _TEXT}),
    Place(t.adjustments, {"reason": _TEXT}),
    Place(t.reversals, {"reason": _TEXT}),
    Place(t.payments, {"po_number": _TEXT}),
    Place(t.recharges, {"consent": _DOCUMENT, "state_detail": _TEXT}),
    Place(t.alerts, {"settings": _DOCUMENT}),
    Place(t.billing_details, {"details": _DOCUMENT}),
    Place(t.inbox, {"body": _DOCUMENT}),
    Place(t.inbox_work, {"error": _TEXT}),
    Place(t.reconciliation, {"details": _DOCUMENT}),
    Place(t.simulator, {"body": _DOCUMENT}),
)
# Chained by hash: they are changed together with their seals.
SEALED = (
    Place(t.entries, {"note": _TEXT}),
    Place(t.audit, {"old": _DOCUMENT, "new": _DOCUMENT}, "object"),
)
# As long as these say who it is, whoever was interrupted can begin again.
LAST = (
    Place(t.members, {"name": _OWN, "email": _OWN}, "member_id"),
    Place(t.users, {"name": _OWN, "sign_in_name": _OWN, "number": _OWN, "block_reason": _TEXT}, "user_id"),
)
EVERYWHERE = (*PLACES, *SEALED, *LAST)


def users(tx: ReadTx, org_id: int) -> Sequence[UserRow]:
    """Also who was removed."""
    columns = [t.users.c[name] for name in UserRow.__struct_fields__]
    return [UserRow(*row) for row in tx.execute(select(*columns).where(u.org_id == org_id).order_by(u.user_id))]


def told_of(tx: ReadTx, org_id: int, ids: Sequence[str]) -> Sequence[str]:
    """What the audit log says that these were called."""
    return _documents(tx, a.org_id == org_id, a.object.in_(ids))


def told_of_files(tx: ReadTx, org_id: int) -> Sequence[str]:
    """What it says of people in files: by their ids, many in a line."""
    return _documents(tx, a.org_id == org_id, a.action == IMPORTED)


def _documents(tx: ReadTx, *conditions: ColumnElement[bool]) -> Sequence[str]:
    rows = tx.execute(select(a.old, a.new).where(*conditions))
    return [document for row in rows for document in row if document]


def calls_since(tx: ReadTx, org_id: int, since: int) -> list[dict[str, Any]]:
    """Whole rows."""
    query = select(t.calls).where(c.org_id == org_id, c.opened_at >= since)
    return [dict(row) for row in tx.execute(query).mappings()]


def usage_of(tx: ReadTx, org_id: int, call_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Whole rows."""
    query = select(t.usage).where(g.org_id == org_id, g.call_id.in_(call_ids))
    return [dict(row) for row in tx.execute(query).mappings()]


def some(tx: ReadTx, org_id: int, place: Place, after: Sequence[Any], limit: int) -> list[dict[str, Any]]:
    """Whole rows, in the order of their keys, from there on."""
    query = select(place.table).where(place.table.c.org_id == org_id)
    if after and place.key:
        query = query.where(tuple_(*place.key) > tuple_(*after))
    return [dict(row) for row in tx.execute(query.order_by(*place.key).limit(limit)).mappings()]


def put(tx: Tx, org_id: int, place: Place, row: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Unless somebody has changed it meanwhile."""
    mine = [place.table.c.org_id == org_id, *(column == row[column.name] for column in place.key)]
    same = [place.table.c[name].is_not_distinct_from(row[name]) for name in values]
    with opened(tx, place.table.name, place.table in t.APPEND_ONLY):
        return tx.execute(update(place.table).where(*mine, *same).values(dict(values))).rowcount == 1


def story_values(call: Call) -> dict[str, Any]:
    """Whoever decides about the call at this moment notices that it is another."""
    changed = replace(call, version=call.version + 1)
    return {"version": changed.version, "story": encode_call(changed).decode()}


def noticed(place: Place, row: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Whoever has read the row before and is at work with it notices that it is another."""
    if "story" in values:
        return story_values(decode_call(values["story"]))
    if place.table is t.deliveries and row["due_at"] is not None:
        # What becomes of a try that has begun is not noted any more: it would bring back what was erased.
        return {**values, "tries": row["tries"] + 1}
    return values


def take_away(tx: Tx, org_id: int, place: Place, row: Mapping[str, Any]) -> bool:
    mine = [place.table.c.org_id == org_id, *(column == row[column.name] for column in place.key)]
    return tx.execute(delete(place.table).where(*mine)).rowcount == 1


def cancel_letters_to_nobody(tx: Tx, org_id: int, now: int) -> None:
    """What still waited for somebody who is gone."""
    waiting = (d.org_id == org_id, d.recipients == "[]", d.due_at.is_not(None))
    tx.execute(update(t.deliveries).where(*waiting).values(state=CANCELLED, due_at=None, ended_at=now))
