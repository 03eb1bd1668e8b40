"""The statement of a month, from the entries."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from talktime.core.ledger import EntryKind
from talktime.core.months import begin_of, month_after, month_of
from talktime.core.receipts import Party, buyer_of
from talktime.core.statements import Statement, StatementRow, folded
from talktime.storage import receipt_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization

e = t.entries.c
PORTION = 2_000


def of_month(tx: ReadTx, org: Organization, seller: Party, month: str, now: int) -> Statement | None:
    """`now`: by the organization's clock. None: the month has not begun, or was over before the organization came."""
    zone = org.time_zone
    if not month_of(org.created_at, zone) <= month <= month_of(now, zone):
        return None
    begin, end = begin_of(month, zone), begin_of(month_after(month), zone)
    return Statement(
        month=month,
        begin=begin,
        last=min(end - 1, now),
        time_zone=zone,
        language=org.language,
        seller=seller,
        buyer=buyer_of(receipt_store.details(tx, org.org_id), org.name),
        currency=org.currency,
        opening=_balance_before(tx, org.org_id, begin),
        rows=tuple(folded(_rows(tx, org.org_id, begin, end), zone)),
    )


def _balance_before(tx: ReadTx, org_id: int, begin: int) -> int:
    last = select(e.balance_after).where(e.org_id == org_id, e.entry_id < _first_id(begin))
    return int(tx.scalar(last.order_by(e.entry_id.desc()).limit(1)) or 0)


def _rows(tx: ReadTx, org_id: int, begin: int, end: int) -> Iterator[StatementRow]:
    within = (e.entry_id >= _first_id(begin), e.entry_id < _first_id(end))
    columns = (e.at, e.kind, e.note, e.amount_micros, e.balance_after)
    query = select(*columns).where(e.org_id == org_id, *within, e.amount_micros != 0).order_by(e.entry_id)
    with tx.execute(query, execution_options={"stream_results": True, "yield_per": PORTION}) as found:
        for at, kind, note, amount, balance_after in found:
            yield StatementRow(at, EntryKind(kind), note, amount, balance_after)


def _first_id(at: int) -> str:
    """Ids of entries begin with their millisecond; a month begins with one."""
    return f"{at // 1000:012x}"
