"""What is known of a called number: its country, its kind, who may call it, whether it is known for fraud."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Generic, NamedTuple

from talktime.core.emergency import EMERGENCY_NUMBERS, EmergencyNumbers, Entry
from talktime.core.phone import country_of, country_prefixes, is_usable
from talktime.core.tables import Prefixes, T, rows_of

CALLING_CODE_DIGITS = 3
"""All calling codes without a country have three digits."""


class NumberKind(StrEnum):
    ORDINARY = "ordinary"
    TOLL_FREE = "toll_free"
    PREMIUM = "premium"
    SHARED_COST = "shared_cost"
    NO_COUNTRY = "no_country"
    """Satellite and other international networks; +979 is premium and +800 toll-free first of all."""
    EMERGENCY = "emergency"
    SHORT = "short"
    """Nothing that can be called from outside its country."""


class Allowed(StrEnum):
    """Who may call a number, as far as its kind decides."""

    ALWAYS = "always"
    AT_HOME_FROM_CREDITS = "at_home_from_credits"
    """Only with a calling plan, only in one's own country, and never from a pool."""
    NEVER = "never"


class Number(NamedTuple):
    country: str | None
    kind: NumberKind
    allowed: Allowed
    destination: str
    """The country, or for a number of no country its calling code: such a number is a destination of its own."""
    high_risk: bool = False

    @property
    def may_come_from_a_pool(self) -> bool:
        return self.allowed is Allowed.ALWAYS and self.country is not None

    def is_allowed(self, plan_country: str | None) -> bool:
        """`plan_country`: where the calling plan is at home that the call is made with; None for meetings."""
        if self.allowed is Allowed.AT_HOME_FROM_CREDITS:
            return self.country is not None and self.country == plan_country
        return self.allowed is Allowed.ALWAYS


class NumberRow(NamedTuple):
    """Something said about all numbers that begin with these digits; None: nothing is said about that."""

    prefix: str
    kind: NumberKind | None = None
    premium: Allowed | None = None
    """Who may call those of them that are premium."""
    high_risk: bool | None = None
    digits: int | None = None
    """Only of numbers with so many digits in all: in some countries a premium number begins like ordinary ones."""


class _Said(Generic[T]):
    """What rows say about one thing, the newest layer first, and in a layer those for one count of digits first."""

    def __init__(self, layers: Sequence[list[NumberRow]], value: Callable[[NumberRow], T | None]) -> None:
        self._tables: list[tuple[bool, Prefixes[T]]] = []
        for rows in reversed(layers):
            said = [(row, found) for row in rows if (found := value(row)) is not None]
            counted = {f"{row.digits}:{row.prefix}": found for row, found in said if row.digits}
            others = {row.prefix: found for row, found in said if not row.digits}
            self._tables += [(True, Prefixes(counted))] if counted else []
            self._tables += [(False, Prefixes(others))] if others else []

    def find(self, digits: str) -> T | None:
        with_count = f"{len(digits)}:{digits}"
        for is_counted, table in self._tables:
            found = table.find(with_count if is_counted else digits)
            if found is not None:
                return found
        return None


class Numbers:
    """Layers of rows: the later layer wins, whatever the lengths; within a layer the longest prefix.

    Rows for one count of digits win over those for any.
    """

    def __init__(self, *layers: Iterable[NumberRow], emergency: EmergencyNumbers = EMERGENCY_NUMBERS) -> None:
        self._emergency = emergency
        self._layers = [list(layer) for layer in layers]
        self._kinds = _Said(self._layers, lambda row: row.kind)
        self._premium = _Said(self._layers, lambda row: row.premium)
        self._risks = _Said(self._layers, lambda row: row.high_risk)

    def with_rows(self, rows: Iterable[NumberRow], emergency: Iterable[Entry] = ()) -> Numbers:
        """An operator's own, on top. Emergency numbers can be added, never taken away."""
        return Numbers(*self._layers, rows, emergency=self._emergency.with_entries(emergency))

    def of(self, number: str) -> Number:
        """Of a usable number."""
        digits, country = number[1:], country_of(number)
        kind = self._kinds.find(digits) or NumberKind.ORDINARY
        if kind is NumberKind.ORDINARY and country is None:
            kind = NumberKind.NO_COUNTRY
        destination = country or number[: 1 + CALLING_CODE_DIGITS]
        return Number(country, kind, self._allowed(kind, digits), destination, self._risks.find(digits) or False)

    def prefixes(self) -> set[str]:
        """Of two usable numbers of one length that begin with the same ones of these the same is known."""
        said = {row.prefix for layer in self._layers for row in layer}
        codes = {str(code) for code in range(10 ** (CALLING_CODE_DIGITS - 1), 10**CALLING_CODE_DIGITS)}
        return said.union(country_prefixes(), codes)

    def dialled(self, to: str, country: str | None) -> Number:
        """Of what somebody in this country dialled, which may be a short number."""
        if self._emergency.has(to, country):
            return Number(country, NumberKind.EMERGENCY, Allowed.ALWAYS, to)
        if not is_usable(to):
            return Number(country, NumberKind.SHORT, Allowed.NEVER, to)
        return self.of(to)

    def _allowed(self, kind: NumberKind, digits: str) -> Allowed:
        if kind is not NumberKind.PREMIUM:
            return Allowed.ALWAYS
        return self._premium.find(digits) or Allowed.NEVER


_YES_NO = {"yes": True, "no": False, "": None}


def _rows(name: str) -> list[NumberRow]:
    """Every column but the prefix may be empty, or missing altogether."""
    return [
        NumberRow(
            row["prefix"],
            NumberKind(row["kind"]) if row.get("kind") else None,
            Allowed(row["premium"]) if row.get("premium") else None,
            _YES_NO[row.get("high_risk", "")],
            int(row["digits"]) if row.get("digits") else None,
        )
        for row in rows_of(name)
    ]


# The first is made from `phonenumbers` by scripts/make_number_tables.py; the second is ours by hand and says why.
NUMBERS = Numbers(_rows("number_kinds.csv"), _rows("number_overrides.csv"))
