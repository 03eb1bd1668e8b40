"""The money of an organization as of now, whatever was booked already."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.lots import Lot
from talktime.core.money import round_half_up
from talktime.core.time import DAY, NEVER
from talktime.reports.flows import charged_between, id_from
from talktime.storage import lot_store, org_store, payment_store, recharge_store
from talktime.storage.database import ReadTx

DAYS = 7


class Balance(Struct, frozen=True):
    """What has expired is not counted."""

    currency: str
    posted: int
    held: int
    available: int
    pending: int
    """Top-ups that are not paid yet."""
    average_daily: int
    next_expiry: tuple[int, int] | None
    """Amount and instant."""
    credits_set_up: bool
    recharge_state: str


def balance(tx: ReadTx, org_id: int, now: int) -> Balance:
    """`now` by the organization's clock."""
    account = org_store.account(tx, org_id)
    gone = sum([lot.posted - lot.held for lot in account.lots if lot.expires_at <= now])
    posted, held = account.posted - gone, account.held + lot_store.frozen_total(tx, org_id)
    return Balance(
        account.currency,
        posted,
        held,
        posted - held,
        payment_store.undecided_total(tx, org_id),
        round_half_up(charged_between(tx, org_id, id_from(now - DAYS * DAY)), DAYS),
        _next_expiry(account.lots, now),
        bool(account.credits_set_up),
        recharge_store.find(tx, org_id).state.value,
    )


def _next_expiry(lots: list[Lot], now: int) -> tuple[int, int] | None:
    ends = [lot.expires_at for lot in lots if now < lot.expires_at < NEVER and lot.posted]
    if not ends:
        return None
    first = min(ends)
    return sum([lot.posted for lot in lots if lot.expires_at == first]), first
