"""Entries as actions append them, with the money that they move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import case, insert, select, update

from talktime.core.funds import Movement
from talktime.core.ledger import Posting
from talktime.core.watch import Fall
from talktime.storage import alert_store, lot_store, notice_store, recharge_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx
from talktime.storage.notice_rows import balance_notices, shortfall_notices
from talktime.storage.store import Woken, entry_rows

a = t.accounts.c


_ENTRY = ("org_id", "entry_id", "entry_no", "entry_key", "kind", "at", "amount_micros", "balance_after", "postings")
_WRITTEN = (*_ENTRY, "by", "note")
_AFTER = (a.posted_micros, a.last_entry_no, a.last_at, a.wake_micros)


def record(
    tx: Tx, org_id: int, movement: Movement, *, sets_up_credits: bool = False, may_recharge: bool = True
) -> None:
    """Account and lots move, and the entries that say why take the next numbers. Whose balance has fallen through a
    level is told so; `may_recharge`: and looks whether it is time to refill it."""
    entries = movement.entries
    moved = update(t.accounts).where(a.org_id == org_id)
    moved = moved.values(
        posted_micros=a.posted_micros + movement.posted,
        held_micros=a.held_micros + movement.held,
        debt_micros=a.debt_micros + movement.debt,
        last_entry_no=a.last_entry_no + len(entries),
        last_at=_later(max([entry.at for entry in entries], default=0)),
        **({"credits_set_up": True} if sets_up_credits else {}),
    )
    posted, last_no, last_at, wake = tx.execute(moved.returning(*_AFTER)).one()
    for lot_id, by in movement.lots:
        lot_store.move(tx, org_id, lot_id, by)
    if movement.made is not None:
        lot_store.add(tx, org_id, movement.made)
    if entries:
        rows = entry_rows(entries, {org_id: (posted, last_no, last_at, wake)})
        tx.execute(insert(t.entries), [dict(zip(_WRITTEN, _readable(row), strict=True)) for row in rows])
        notice_store.add(tx, org_id, shortfall_notices(entries))
    balance = posted - movement.posted
    for entry in entries:
        fall = Fall(balance, balance + entry.amount)
        balance = fall.after
        if entry.amount < 0 and fall.after < wake:
            _wake(tx, Woken(org_id, fall, last_at), may_recharge)


def postings_of(tx: ReadTx, org_id: int, key: str) -> Sequence[Posting]:
    """What an entry has moved; nothing when there is none."""
    found = tx.scalar(select(t.entries.c.postings).where(t.entries.c.org_id == org_id, t.entries.c.entry_key == key))
    return msgspec.json.decode(found, type=list[Posting]) if found else []


def _wake(tx: Tx, woken: Woken, may_recharge: bool) -> None:
    notice_store.add(tx, woken.org_id, balance_notices(woken, alert_store.find(tx, woken.org_id).balance_low))
    if may_recharge and (recharge_store.find(tx, woken.org_id).trigger or 0) > woken.fall.after:
        recharge_store.look_soon(tx, woken.org_id, woken.at)


def _later(at: int) -> Any:
    """Instants of entries never go back."""
    return case((a.last_at < at, at), else_=a.last_at)


def _readable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value.decode() if isinstance(value, bytes) else value for value in row)
