"""Organizations and their accounts: what is fixed about them, and the row that locks their money."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import String, bindparam, insert, select, text, update

from talktime.core.organizations import Account
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.store import ACCOUNT_COLUMNS, LOT_COLUMNS, accounts_of

o, a = t.organizations.c, t.accounts.c


class Organization(Struct, frozen=True):
    org_id: int
    name: str
    country: str
    currency: str
    time_zone: str
    language: str
    mode: str
    billing_account: str
    policy: str
    price_list: str | None
    slice_seconds: int
    max_call_seconds: int
    grace_seconds: int
    limits: str
    """The other limits, as JSON."""
    state: str
    created_at: int
    clock_at: int | None = None

    def now(self, real: int) -> int:
        """A test organization may live by a clock of its own."""
        return real if self.clock_at is None else self.clock_at


_COLUMNS = [t.organizations.c[name] for name in Organization.__struct_fields__]
_ACCOUNT = f"SELECT {ACCOUNT_COLUMNS} FROM accounts a JOIN organizations o ON o.org_id = a.org_id"
_ACCOUNT += " WHERE a.org_id = :org_id AND o.org_id = :org_id"
# The instant is no condition, but has SQLite take the index of open lots: what is spent is never looked at.
_OPEN_LOTS = f"SELECT {LOT_COLUMNS} FROM lots l WHERE l.org_id = :org_id AND l.state = 'open' AND l.expires_at > 0"
_THESE_LOTS = f"SELECT {LOT_COLUMNS} FROM lots l WHERE l.org_id = :org_id AND l.state <> 'open' AND l.lot_id IN :also"


def find(tx: ReadTx, org_id: int) -> Organization | None:
    row = tx.execute(select(*_COLUMNS).where(o.org_id == org_id)).first()
    return Organization(*row) if row else None


def countries(tx: ReadTx) -> dict[int, str]:
    """Of all organizations."""
    rows = tx.execute(select(o.org_id, o.country))
    return {row.org_id: row.country for row in rows}


def lock(tx: Tx, org_id: int) -> Organization | None:
    """Until the transaction ends nobody else moves this organization's money or changes it."""
    there = tx.scalar(select(a.org_id).where(a.org_id == org_id).with_for_update())
    return None if there is None else find(tx, org_id)


def account(tx: ReadTx, org_id: int, also: Sequence[str] = ()) -> Account:
    """With its open lots, and `also` these, whatever became of them."""
    head = tx.execute(text(_ACCOUNT), {"org_id": org_id})
    lots = [*tx.execute(text(_OPEN_LOTS), {"org_id": org_id})]
    if also:
        these = text(_THESE_LOTS).bindparams(bindparam("also", type_=String, expanding=True))
        lots += tx.execute(these, {"org_id": org_id, "also": list(also)})
    return accounts_of(head, lots)[org_id]


def add(tx: Tx, made: Organization) -> None:
    tx.execute(insert(t.organizations), _values(made))
    tx.execute(insert(t.accounts), {"org_id": made.org_id})


def change(tx: Tx, changed: Organization) -> None:
    values = {name: value for name, value in _values(changed).items() if name != "org_id"}
    tx.execute(update(t.organizations).where(o.org_id == changed.org_id).values(**values))


def _values(made: Organization) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__struct_fields__}
