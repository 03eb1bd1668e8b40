"""Where a country lies: Zone A or not, and which countries count with another one's numbers."""

from __future__ import annotations

from talktime.core.tables import rows_of

ZONE_A = frozenset(row["country"] for row in rows_of("zones.csv") if row["zone"] == "A")
"""Where meetings may call from their pool (list of February 2024). No other zone exists: in it, or not."""

COMBINED_PLAN = frozenset(row["country"] for row in rows_of("combined_plan.csv"))
"""Where the combined plan's international minutes reach (list of 2018), with the places that share the numbering of a
listed country. For zones and domestic calls these places follow their own code (D-40)."""

# What counts as domestic for the minutes of a plan besides the user's own country (availability pages, 2019). From
# Puerto Rico to Canada is international, and so is the way back.
_ALSO_DOMESTIC = {"US": frozenset({"PR", "CA"}), "CA": frozenset({"US"}), "PR": frozenset({"US"})}


def is_zone_a(country: str | None) -> bool:
    """A number of no country is in no zone."""
    return country in ZONE_A


def is_in_combined_plan(country: str | None) -> bool:
    return country in COMBINED_PLAN


def is_same_country(home: str | None, country: str | None) -> bool:
    """Domestic as policies understand it: strictly, and never when either is not known."""
    return home is not None and home == country


def is_domestic_for_minutes(home: str | None, country: str | None) -> bool:
    """Domestic as plans understand it: a user in the United States calls Canada from his domestic minutes."""
    return is_same_country(home, country) or country in _ALSO_DOMESTIC.get(home or "", ())
