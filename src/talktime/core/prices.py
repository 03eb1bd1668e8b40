"""Price lists: immutable once published, replaced whole. A look-up probes a dictionary by prefix length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from talktime.core.rates import Rate
from talktime.core.time import moment


class PriceKind(StrEnum):
    OUTBOUND = "outbound"
    CONFERENCE = "conference"
    TOLL_FREE = "toll_free"


class Window(Struct, frozen=True, array_like=True, gc=False):
    """Another price at some hours of the week, in the organization's zone. Minutes of the day; Monday is day 1."""

    days: tuple[int, ...]
    begins: int
    ends: int
    per_minute: int
    connection_fee: int = 0

    def holds(self, weekday: int, minute: int) -> bool:
        if self.begins < self.ends:
            return weekday in self.days and self.begins <= minute < self.ends
        # Through midnight: what began yesterday still counts as yesterday's.
        yesterday = (weekday - 2) % 7 + 1
        return (weekday in self.days and minute >= self.begins) or (yesterday in self.days and minute < self.ends)


class Row(Struct, frozen=True, array_like=True, gc=False):
    """One line of a price list. `valid_from` 0: from the publication on."""

    prefix: str
    destination: str
    per_minute: int
    connection_fee: int = 0
    initial_seconds: int = 60
    step_seconds: int = 60
    kind: PriceKind = PriceKind.OUTBOUND
    valid_from: int = 0
    windows: tuple[Window, ...] = ()

    def rate(self, charge_decimals: int, at: int, zone: str) -> Rate:
        """Fixed for the whole call by the window in which it starts."""
        per_minute, fee = self.per_minute, self.connection_fee
        if self.windows and (window := self._window(at, zone)):
            per_minute, fee = window.per_minute, window.connection_fee
        return Rate(
            self.prefix, self.destination, per_minute, fee, self.initial_seconds, self.step_seconds, charge_decimals
        )

    def _window(self, at: int, zone: str) -> Window | None:
        local = moment(at).astimezone(ZoneInfo(zone))
        weekday, minute = local.isoweekday(), local.hour * 60 + local.minute
        return next((window for window in self.windows if window.holds(weekday, minute)), None)


class _Table:
    """The prices of one kind by prefix: a rate where nothing about it depends on time, else rows, the newest first."""

    def __init__(self, charge_decimals: int, rows: Iterable[Row]) -> None:
        self._decimals = charge_decimals
        by_prefix: dict[str, list[Row]] = {}
        for row in rows:
            by_prefix.setdefault(row.prefix, []).append(row)
        self._prices = {prefix: self._price(mine) for prefix, mine in by_prefix.items()}
        self._lengths = sorted({len(prefix) for prefix in by_prefix}, reverse=True)

    def _price(self, rows: list[Row]) -> Rate | list[Row]:
        if len(rows) == 1 and not rows[0].windows and not rows[0].valid_from:
            return rows[0].rate(self._decimals, 0, "UTC")
        return sorted(rows, key=lambda row: -row.valid_from)

    def find(self, digits: str, at: int, zone: str) -> Rate | None:
        """The longest prefix that has a price at this instant."""
        for length in self._lengths:
            found = self._prices.get(digits[:length])
            if isinstance(found, Rate):
                return found
            for row in found or ():
                if row.valid_from <= at:
                    return row.rate(self._decimals, at, zone)
        return None


class PriceList:
    """One published version."""

    def __init__(self, charge_decimals: int, rows: Sequence[Row]) -> None:
        self._tables = {kind: _Table(charge_decimals, [row for row in rows if row.kind == kind]) for kind in PriceKind}

    def find(self, kinds: Iterable[PriceKind], number: str, at: int, zone: str = "UTC") -> Rate | None:
        """The first kind that knows the number decides."""
        digits = number[1:]
        for kind in kinds:
            if rate := self._tables[kind].find(digits, at, zone):
                return rate
        return None


class Prices:
    """All published versions of all lists: what a call costs by the list that was in force when it began."""

    def __init__(self, versions: Iterable[tuple[str, int, PriceList]], defaults: dict[str, str] | None = None) -> None:
        """`versions` as they were published: list, instant, content. `defaults`: the operator's list by currency."""
        self._versions: dict[str, list[tuple[int, PriceList]]] = {}
        for list_id, published_at, content in versions:
            self._versions.setdefault(list_id, []).append((published_at, content))
        for mine in self._versions.values():
            # Of two at one instant the later publication counts.
            mine.reverse()
            mine.sort(key=lambda version: -version[0])
        self._defaults = defaults or {}

    def of(self, list_id: str | None, currency: str, at: int) -> PriceList | None:
        for published_at, content in self._versions.get(list_id or self._defaults.get(currency, ""), ()):
            if published_at <= at:
                return content
        return None
