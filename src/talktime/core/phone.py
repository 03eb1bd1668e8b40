"""Telephone numbers: which are usable, and which country they call."""

from __future__ import annotations

import csv
import re
from importlib.resources import files

# Not \d, which takes the digits of every script, and not $, which lets a newline follow.
_matches_e164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch


def is_usable(number: str) -> bool:
    """E.164 in form. Whether anybody has this number is for the network to say."""
    return _matches_e164(number) is not None


def country_of(number: str) -> str | None:
    """ISO 3166 alpha-2 of a usable number, XK for Kosovo; None for numbers of no country (satellite, international).

    Only the leading digits count, so a number nobody has yet is in the country it would be in.
    """
    # US is also what all of +1 shares (toll-free, personal numbers, 900), as in the library, and an area code we do not
    # know yet. As "no country" these would be in no plan, and people in the US would pay credits for a call to 800. For
    # minutes, US is domestic from the US, Canada and Puerto Rico alike. That 900 is premium is another question.
    for length in _LENGTHS:
        country = _COUNTRIES.get(number[:length])
        if country is not None:
            return country
    return None


def country_prefixes() -> list[str]:
    """The leading digits at which another country may begin."""
    return [prefix[1:] for prefix in _COUNTRIES]


def _table(name: str) -> dict[str, str]:
    lines = (files(__package__) / "data" / name).read_text("utf-8").splitlines()
    return {"+" + row["prefix"]: row["country"] for row in csv.DictReader(lines)}


# Part of the code, though written as data, and so read once with it. The first file is made from `phonenumbers` by
# scripts/make_country_prefixes.py; the second is ours by hand, says why, and wins.
_COUNTRIES = _table("country_prefixes.csv") | _table("country_overrides.csv")
_LENGTHS = sorted({len(prefix) for prefix in _COUNTRIES}, reverse=True)
