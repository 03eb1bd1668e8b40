"""What people are told because time passes: funds that end soon, cards that end soon, more spent than was meant."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from talktime.actions.organizations import found
from talktime.core.money import decimal
from talktime.core.months import begin_of, day_of, local_day, midnight, month_after, month_of
from talktime.core.time import DAY, MINUTE, NEVER
from talktime.storage import alert_store, method_store, notice_store, reminder_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.method_store import Method
from talktime.storage.notice_rows import notice
from talktime.storage.org_store import Organization
from talktime.storage.reminder_store import EndingLot

LOT_DAYS = (30, 7)
NEXT_DAYS = {30: 7, 7: 0}
"""When the next reminder of the same lot comes."""
CARD_DAYS = 30


Reach = tuple[int, int]
"""From when until when."""


class Due(Struct, frozen=True):
    """A reminder that is to be written."""

    at: int
    lot: EndingLot | None = None
    days: int = 0
    card: Method | None = None


def next_due(tx: ReadTx, org_id: int, until: int) -> Due | None:
    """The first that nobody was reminded of yet."""
    org = found(tx, org_id)
    lots = [_of_lot(tx, org, days, until) for days in LOT_DAYS]
    cards = [_of_card(tx, org, card, until) for card in method_store.active(tx, org_id)]
    return min([due for due in (*lots, *cards) if due], key=lambda due: due.at, default=None)


def _of_lot(tx: ReadTx, org: Organization, days: int, until: int) -> Due | None:
    """Whose last week has begun is not told of his last month."""
    here = until if org.clock_at is None else org.clock_at
    lot = reminder_store.next_ending(tx, org.org_id, days, here + NEXT_DAYS[days] * DAY, until + days * DAY)
    return Due(lot.expires_at - days * DAY, lot, days) if lot else None


def _of_card(tx: ReadTx, org: Organization, card: Method, until: int) -> Due | None:
    if card.expires is None:
        return None
    at = begin_of(month_after(card.expires), org.time_zone) - CARD_DAYS * DAY
    if at > until or reminder_store.is_told(tx, org.org_id, _once(card)):
        return None
    return Due(at, card=card)


def month_soon(now: int) -> str:
    """Cards that end by this month may be due, wherever on earth."""
    return month_of(now + (CARD_DAYS + 2) * DAY, "UTC")


def _once(card: Method) -> str:
    return f"card_expiring:{card.method_id}:{card.expires}"


def remind(tx: Tx, org_id: int, due: Due, now: int) -> None:
    if due.lot is not None:
        org = found(tx, org_id)
        details = {"lot": due.lot.lot_id, "amount": decimal(due.lot.posted_micros), "currency": org.currency}
        more = {"expires_at": str(due.lot.expires_at), "days": str(due.days)}
        once = f"{due.lot.lot_id}:{due.days}"
        notice_store.add(tx, org_id, [notice(org_id, "lot_expiring", once, now, **details, **more)])
    if due.card is not None:
        once = _once(due.card).partition(":")[2]
        details = {"card": due.card.label, "expires": due.card.expires or ""}
        notice_store.add(tx, org_id, [notice(org_id, "card_expiring", once, now, **details)])


def watch_spending(tx: Tx, org_id: int, now: int) -> None:
    """Each limit once for each day or month in which it was passed; what was spent last thing yesterday counts, too."""
    alerts, org = alert_store.find(tx, org_id), found(tx, org_id)
    today = midnight(local_day(now, org.time_zone), org.time_zone)
    yesterday = midnight(local_day(today - 1, org.time_zone), org.time_zone)
    for begin, end in _looked_at(org, now, (yesterday, today), (today, NEVER)):
        _watch(tx, org, alerts.spend_per_day, "day", day_of(begin, org.time_zone), Span(begin, end, now))
    month = month_of(now, org.time_zone)
    this = begin_of(month, org.time_zone)
    last = month_of(this - 1, org.time_zone)
    for begin, end in _looked_at(org, now, (begin_of(last, org.time_zone), this), (this, NEVER)):
        _watch(tx, org, alerts.spend_per_month, "month", month_of(begin, org.time_zone), Span(begin, end, now))


def _looked_at(org: Organization, now: int, before: Reach, this: Reach) -> list[Reach]:
    """What is long over was looked at while it was not; but a test organization's clock jumps."""
    soon_after = now - this[0] < 60 * MINUTE
    return [before, this] if soon_after or org.clock_at is not None else [this]


class Span(NamedTuple):
    begin: int
    end: int
    now: int


def _watch(tx: Tx, org: Organization, level: int | None, window: str, name: str, span: Span) -> None:
    if level is None:
        return
    spent = reminder_store.spent_between(tx, org.org_id, span.begin, span.end)
    if spent <= level:
        return
    details = {"window": window, "level": decimal(level), "spent": decimal(spent), "currency": org.currency}
    once = f"{window}:{name}:{decimal(level)}"
    notice_store.add(tx, org.org_id, [notice(org.org_id, "spend_alert", once, span.now, **details)])
