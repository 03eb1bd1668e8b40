"""What an organization wants to be told of, and who hears it; and below which balance somebody is woken for it."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c, a = t.alerts.c, t.accounts.c


class Alerts(Struct, frozen=True, kw_only=True):
    """Amounts in micros."""

    balance_low: tuple[int, ...] = ()
    spend_per_day: int | None = None
    spend_per_month: int | None = None
    recipients: tuple[str, ...] = ()
    """Addresses, or roles of members."""


_decode = msgspec.json.Decoder(Alerts).decode


def find(tx: ReadTx, org_id: int) -> Alerts:
    kept = tx.scalar(select(c.settings).where(c.org_id == org_id))
    return Alerts() if kept is None else _decode(kept)


def save(tx: Tx, org_id: int, alerts: Alerts) -> None:
    kept = msgspec.json.encode(alerts).decode()
    if tx.execute(update(t.alerts).where(c.org_id == org_id).values(settings=kept)).rowcount == 0:
        tx.execute(insert(t.alerts), {"org_id": org_id, "settings": kept})


def wake_below(tx: Tx, org_id: int, level: int) -> None:
    tx.execute(update(t.accounts).where(a.org_id == org_id).values(wake_micros=level))


def levels_of(settings: str) -> tuple[int, ...]:
    return _decode(settings).balance_low
