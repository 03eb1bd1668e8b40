"""Where auto-recharge stands."""

from __future__ import annotations

from msgspec import Struct

from talktime.core.months import begin_of, month_of
from talktime.core.recharges import Setting
from talktime.storage import org_store, payment_store, recharge_store
from talktime.storage.database import ReadTx


class Standing(Struct, frozen=True):
    setting: Setting
    currency: str
    used_this_month: int


def standing(tx: ReadTx, org_id: int, real: int) -> Standing:
    org = org_store.find(tx, org_id)
    assert org is not None
    now = org.now(real)
    month = begin_of(month_of(now, org.time_zone), org.time_zone)
    used = payment_store.past_recharges(tx, org_id, now, month).month_total
    return Standing(recharge_store.find(tx, org_id), org.currency, used)
