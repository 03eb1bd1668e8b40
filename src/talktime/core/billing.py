"""What a call that lasted so long costs, and whom: before anything is taken, but for the minutes of its pool."""

from __future__ import annotations

from typing import NamedTuple

from talktime.core.asking import payer_after_pool
from talktime.core.calls import Call, Concerning, Terms
from talktime.core.desk import Desk
from talktime.core.money import AMOUNT_MAX
from talktime.core.pool_minutes import whole_minutes
from talktime.core.rates import billed_seconds, price
from talktime.core.reach import MINUTE_SECONDS
from talktime.core.reporting import PartOf
from talktime.core.usage import FREECALL, Payer


class Bill(NamedTuple):
    minutes: int = 0
    """Of its pool."""
    rest: int = 0
    """Seconds that no pool pays."""
    payer: Payer | None = None
    """Of the rest; None: nobody does, and it is a shortfall."""
    cost: int | None = 0
    """Of the rest; None: it cannot be priced, and is given away."""

    @property
    def from_balance(self) -> int:
        return self.cost or 0 if self.payer is Payer.CREDITS else 0

    def shortfall(self, charged: int) -> int:
        """What of the price nobody paid."""
        return (self.cost or 0) - charged if self.payer in (Payer.CREDITS, None) else 0


def bill_of(desk: Desk, command: Concerning, call: Call, seconds: int) -> Bill:
    """Ends the hold of minutes. `minutes` of the call are those it holds."""
    terms = call.terms or Terms()
    minutes = 0
    if terms.pool:
        needed = whole_minutes(seconds)
        # What has gone over to credits takes no more of its pool.
        most = min(needed, call.minutes) if call.over else needed
        minutes = desk.pool((call.org_id, terms.pool, terms.month)).use(terms.second, call.minutes, most)
    return _bill(desk, command, call, seconds, minutes)


def bill_again(desk: Desk, command: Concerning, call: Call, seconds: int) -> Bill:
    """Of a call that was charged already. `minutes` of the call are those it used."""
    terms = call.terms or Terms()
    if not terms.pool:
        return _bill(desk, command, call, seconds, 0)
    pool, needed = desk.pool((call.org_id, terms.pool, terms.month)), whole_minutes(seconds)
    if needed <= call.minutes:
        pool.unuse(terms.second, call.minutes - needed)
        return _bill(desk, command, call, seconds, needed)
    more = 0 if call.over else pool.use(terms.second, 0, needed - call.minutes)
    return _bill(desk, command, call, seconds, call.minutes + more)


def _bill(desk: Desk, command: Concerning, call: Call, seconds: int, minutes: int) -> Bill:
    rest = max(seconds - minutes * MINUTE_SECONDS, 0)
    if rest == 0:
        return Bill(minutes, 0, Payer.NONE)
    terms = call.terms or Terms()
    payer: Payer | None = terms.payer
    if terms.pool and not call.over:
        payer = payer_after_pool(desk, command, call)
    return Bill(minutes, rest, payer, 0 if payer is Payer.NONE else cost_of(call, rest))


def cost_of(call: Call, seconds: int) -> int | None:
    """None: it is more than can be booked, so something is wrong with it and it is given away (D-23)."""
    cost = price(call.rate, seconds)
    return cost if cost <= AMOUNT_MAX else None


def parts_of(call: Call, seconds: int, bill: Bill, charged: int) -> list[PartOf]:
    """What is booked whole to shortfall is no part."""
    terms = call.terms or Terms()
    parts: list[PartOf] = []
    if bill.minutes:
        billed = bill.minutes * MINUTE_SECONDS
        parts.append(PartOf(Payer.POOL, terms.capability, min(seconds, billed), billed))
    if bill.rest:
        parts += _rest(call, terms, bill, charged)
    return parts


def _rest(call: Call, terms: Terms, bill: Bill, charged: int) -> list[PartOf]:
    rest, payer, cost = bill.rest, bill.payer, bill.cost
    if cost is None:
        return [PartOf(Payer.NONE, FREECALL, rest, rest)]
    if payer is Payer.NONE:
        return [PartOf(Payer.NONE, terms.paid_as, rest, rest)]
    charge = cost if payer is Payer.POSTPAID else charged
    if payer is None or (cost > 0 and charge == 0):
        return []
    return [PartOf(payer, terms.paid_as, rest, billed_seconds(call.rate, rest), call.rate.connection_fee, charge)]
