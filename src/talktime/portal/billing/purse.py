"""What the credits page knows about the money, asked once for a page."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Any

from talktime.core.money import micros
from talktime.core.months import local_day
from talktime.portal import shown
from talktime.portal.meters import BalanceLine, Meter, balance_line, meter
from talktime.portal.visit import Visit
from talktime.reports import calls, flows, lots

LOTS_SHOWN, POOLS_SHOWN = 2, 4
DAYS_TOLD_MAX = 365


class Purse:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    @cached_property
    def balance(self) -> Any:
        return self._visit.ask("/v1/balance")

    @property
    def available(self) -> int:
        return micros(self.balance["available"])

    @property
    def average(self) -> int:
        """Of a day, over the last seven."""
        return micros(self.balance["average_daily_7d"])

    def lasts(self, amount: int) -> int | None:
        """So many days at that average; None: more than a year, or nothing is spent."""
        if self.average <= 0:
            return None
        days = max(amount, 0) // self.average
        return days if days <= DAYS_TOLD_MAX else None

    @cached_property
    def recharge(self) -> Any:
        return self._visit.ask("/v1/recharge-settings")

    @cached_property
    def cards(self) -> list[Any]:
        return list(self._visit.ask("/v1/payment-methods", limit=50)["data"])

    @property
    def default_card(self) -> Any:
        return next((card for card in self.cards if card["default"]), None)

    @property
    def recharge_card(self) -> Any:
        """The one that auto-recharge charges."""
        return self.card(self.recharge["payment_method"]) or self.default_card

    @property
    def waits_for_card(self) -> bool:
        """Auto-recharge goes on with another one."""
        return self.recharge["state"] in ("paused", "retrying") and self.recharge["state_detail"] != "dispute"

    def card(self, method_id: str | None) -> Any:
        return next((card for card in self.cards if card["id"] == method_id), None)

    @cached_property
    def agreements(self) -> list[Any]:
        return list(self._visit.ask("/v1/agreements", limit=50)["data"])

    @cached_property
    def receipts_to(self) -> list[str]:
        return list(self._visit.ask("/v1/billing-details")["receipts_to"])

    @cached_property
    def running(self) -> int:
        """Calls in progress."""
        return self._visit.read(calls.count_running, self._visit.org_id)

    @cached_property
    def _ending(self) -> Any:
        visit = self._visit
        return visit.read(lots.ending, visit.org_id, visit.today, LOTS_SHOWN)

    @property
    def ending(self) -> Any:
        """The lots that end first."""
        return self._ending[0]

    @property
    def lots(self) -> int:
        return int(self._ending[1])

    @cached_property
    def line(self) -> BalanceLine:
        recharge, told = self.recharge, self.balance
        trigger = micros(recharge["trigger"]) if recharge["enabled"] and recharge["trigger"] else None
        return balance_line(self.available, micros(told["held"]), micros(told["pending"]), trigger)

    # ------------------------------------------------------------ days

    @property
    def today(self) -> date:
        return local_day(self._visit.today, self._visit.zone)

    @cached_property
    def days(self) -> list[tuple[date, int]]:
        """What calls cost on each day from the first of last month on."""
        first = (self.today.replace(day=1) - timedelta(days=1)).replace(day=1)
        first = min(first, self.today - timedelta(days=34))
        visit = self._visit
        return visit.read(flows.charged_by_day, visit.org_id, visit.zone, first, self.today)

    @property
    def this_month(self) -> int:
        return sum([amount for day, amount in self.days if day >= self.today.replace(day=1)])

    @property
    def last_month(self) -> int:
        """Up to the same day of it."""
        last = self.today.replace(day=1) - timedelta(days=1)
        first = last.replace(day=1)
        return sum([amount for day, amount in self.days if first <= day <= last and day.day <= self.today.day])

    @property
    def last_day(self) -> date:
        """Of this month."""
        return (self.today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    @property
    def forecast(self) -> int:
        """This month, if the rest of its days cost what the last seven did."""
        return self.this_month + (self.last_day - self.today).days * self.average

    # ------------------------------------------------------------ pools

    @cached_property
    def pools(self) -> list[Meter]:
        """The fullest ones."""
        if not self._visit.may("reports.see"):
            return []
        told = self._visit.ask("/v1/pools", limit=200)["data"]
        told = sorted(told, key=lambda one: -(one["used"] / one["total"] if one["total"] else 1))
        return [pool_meter(self._visit, one) for one in told[:POOLS_SHOWN]]


def pool_meter(visit: Visit, pool: Any) -> Meter:
    _ = visit.say
    used, total = (shown.number(pool[name], visit.language) for name in ("used", "total"))
    return meter(
        pool["label"].rpartition(" (")[0] or pool["label"],
        pool["used"],
        pool["total"],
        figures=_("{used} / {total} min", used=used, total=total),
        part=pool_part(visit, pool),
        note=pool_note(visit, pool),
    )


def pool_part(visit: Visit, pool: Any) -> str:
    """For whom and for what the minutes are."""
    _ = visit.say
    kinds = {
        "domestic": _("domestic calls"),
        "international": _("international calls"),
        "conference": _("audio conferencing"),
    }
    country = shown.country(pool["country"], visit.language) if pool["country"] else ""
    if pool["country"] == "US":
        country = _("United States and Puerto Rico")
    return ", ".join(part for part in (country, kinds.get(pool["kind"], pool["kind"])) if part)


def pool_note(visit: Visit, pool: Any) -> str:
    _ = visit.say
    if pool["total"] and pool["available"] <= 0:
        return _("Used up; credits pay until the month is over.")
    if pool["runs_dry_on"]:
        return _("At this pace empty on {day}.", day=shown.date_text(pool["runs_dry_on"], visit.language))
    return ""
