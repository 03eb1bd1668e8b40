"""For how long what is about people is kept: a rule for each kind of it, as the operator has set them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kept(StrEnum):
    CALLS = "calls"
    """Who spoke with whom. What it cost, how long it was and where it went stays."""
    PEOPLE = "people"
    """Users and members, from when they were removed."""
    AUDIT = "audit"
    """What was changed from what to what. Who did what, and when, stays."""
    NOTICES = "notices"
    DELIVERIES = "deliveries"
    """Mails and webhooks that were sent, and letters that became files."""
    SIGN_INS = "sign_ins"
    """Sessions, links and hang-ups that are over."""


LEAST: Mapping[Kept, int] = {
    # A statement is of a month, and late reports come later still.
    Kept.CALLS: 62,
    Kept.PEOPLE: 1,
    Kept.AUDIT: 90,
    # A notice that is gone could be told again: none is about something that ends so late.
    Kept.NOTICES: 100,
    Kept.DELIVERIES: 7,
    Kept.SIGN_INS: 1,
}
USUAL = {Kept.SIGN_INS: 30}
"""Everything else is kept for ever, until somebody says otherwise."""
DAYS_MAX = 36_500


def rules_from(text: str) -> Mapping[Kept, int]:
    """Days, as in calls:400,people:30. ValueError: which part cannot be used."""
    rules = dict(USUAL)
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, days = part.partition(":")
        if name not in frozenset(Kept):
            raise ValueError(f"there is no '{name}', there are {', '.join(Kept)}")
        least = LEAST[Kept(name)]
        if not days.isdecimal() or not least <= int(days) <= DAYS_MAX:
            raise ValueError(f"'{part}': at least {least} days")
        rules[Kept(name)] = int(days)
    return rules
