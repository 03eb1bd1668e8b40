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
    """The rows of one kind by prefix; of one prefix the newest first."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows: dict[str, Row | list[Row]] = {}
        for row in rows:
            self._add(row)
        self._lengths = sorted({len(prefix) for prefix in self._rows}, reverse=True)

    def _add(self, row: Row) -> None:
        there = self._rows.get(row.prefix)
        if there is None:
            self._rows[row.prefix] = row
        else:
            rows = [*there, row] if isinstance(there, list) else [there, row]
            self._rows[row.prefix] = sorted(rows, key=lambda one: -one.valid_from)

    def find(self, digits: str, at: int) -> Row | None:
        """The longest prefix that has a price at this instant."""
        for length in self._lengths:
            found = self._rows.get(digits[:length])
            if isinstance(found, list):
                found = next((row for row in found if row.valid_from <= at), None)
            if found is not None and found.valid_from <= at:
                return found
        return None


class PriceList:
    """One published version."""

    def __init__(self, charge_decimals: int, rows: Sequence[Row]) -> None:
        self._decimals = charge_decimals
        self._tables = {kind: _Table([row for row in rows if row.kind == kind]) for kind in PriceKind}

    def find(self, kinds: Iterable[PriceKind], number: str, at: int, zone: str = "UTC") -> Rate | None:
        """The first kind that knows the number decides."""
        digits = number[1:]
        for kind in kinds:
            if row := self._tables[kind].find(digits, at):
                return row.rate(self._decimals, at, zone)
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
        mine = self._versions.get(list_id or self._defaults.get(currency, ""), ())
        return next((content for published_at, content in mine if published_at <= at), None)
