"""The prices that are in force for an organization."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import select

from talktime.core.prices import Row
from talktime.storage import price_store
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.org_store import Organization

v, n = t.price_versions.c, t.service_numbers.c


class InForce(Struct, frozen=True):
    list_id: str
    charge_decimals: int
    rows: list[Row]


def in_force(tx: ReadTx, org: Organization, at: int) -> InForce | None:
    """Its own list or the default of its currency; None before there is one that is published."""
    list_id = org.price_list or price_store.default_of(tx, org.currency)
    published = select(v.charge_decimals, v.rows).where(v.list_id == list_id, v.published_at <= at)
    # Of two at one instant the later publication counts.
    row = tx.execute(published.order_by(v.published_at.desc(), v.version.desc()).limit(1)).first()
    return InForce(list_id or "", row.charge_decimals, price_store.unpacked(row.rows)) if row else None


def service_number_type(tx: ReadTx, org_id: int, number: str) -> str | None:
    """As it was bought, toll or toll_free; None when it is no service number of this organization."""
    return tx.scalar(select(n.type).where(n.org_id == org_id, n.number == number))
