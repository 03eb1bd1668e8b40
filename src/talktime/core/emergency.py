"""Emergency numbers, as dialled. Nothing here may fail: an emergency call is allowed even when all else is broken."""

from __future__ import annotations

from collections.abc import Iterable

from talktime.core.tables import rows_of

Entry = tuple[str, str]
"""A country, and a number that is one of its emergency numbers."""


class EmergencyNumbers:
    def __init__(self, entries: Iterable[Entry], more: Iterable[Entry] = ()) -> None:
        """`more` only ever adds: to countries whose numbers we know, and to what holds everywhere else."""
        found: dict[str, set[str]] = {}
        for country, number in entries:
            found.setdefault(country, set()).add(number)
        self._everywhere: set[str] = set().union(*found.values())
        for country, number in more:
            found.get(country, self._everywhere).add(number)
            self._everywhere.add(number)
        self._by_country = found

    def of(self, country: str | None) -> frozenset[str]:
        """For somebody whose country is not known, or whose country's numbers are not, all of them: lives first."""
        return frozenset(self._by_country.get(country or "", self._everywhere))

    def has(self, dialled: str, country: str | None) -> bool:
        return dialled in self._by_country.get(country or "", self._everywhere)

    def with_entries(self, more: Iterable[Entry]) -> EmergencyNumbers:
        """An operator's own, besides ours."""
        entries = [(country, number) for country, numbers in self._by_country.items() for number in numbers]
        rest = [("", number) for number in self._everywhere]
        return EmergencyNumbers(entries, [*rest, *more])


# Made from the short-number data of `phonenumbers` by scripts/make_number_tables.py.
EMERGENCY_NUMBERS = EmergencyNumbers((row["country"], row["number"]) for row in rows_of("emergency_numbers.csv"))


def is_emergency(dialled: str, country: str | None) -> bool:
    """As dialled by somebody in this country: no plus, no calling code."""
    return EMERGENCY_NUMBERS.has(dialled, country)
