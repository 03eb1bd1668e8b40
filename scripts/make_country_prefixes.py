"""Write `core/data/country_prefixes.csv` (which country do these leading digits call?) from what `phonenumbers` knows.

    python scripts/make_country_prefixes.py

It takes about 20 seconds. Run it when `phonenumbers` has been updated and `tests/core/test_phone.py` says that the
file no longer agrees. What we say differently from the library stands in `country_overrides.csv`, which this script
does not touch.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

TARGET = Path(__file__).parents[1] / "src" / "talktime" / "core" / "data" / "country_prefixes.csv"

# As deep as countries that share a calling code are told apart: Christmas Island needs six digits after +61.
DIGITS_MAX = 6

# A North American area code has three digits and belongs to one country.
AREA_CODE_DIGITS = {1: 3}

NO_COUNTRY = "001"

# Numbers with a place, or given to one country. Premium and shared-cost numbers have none: by these, two empty British
# ranges would belong to Guernsey only because its list is longer.
KINDS = ("fixed_line", "mobile", "voip", "pager", "personal_number", "toll_free")

TOKEN = re.compile(r"\(\?:|[)|?]|\\d|\[[^]]*]|\d|\{[\d,]+}")


def main() -> None:
    with TARGET.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("prefix", "country"))
        writer.writerows(country_prefixes())


def country_prefixes() -> list[tuple[str, str]]:
    codes = COUNTRY_CODE_TO_REGION_CODE.items()
    return sorted(chain.from_iterable(prefixes_of_code(code, regions) for code, regions in codes))


def prefixes_of_code(code: int, regions: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The calling code stands for its main country; below it, only what belongs to another one."""
    main_region = regions[0]
    if main_region == NO_COUNTRY:
        return
    yield str(code), main_region
    if len(regions) > 1:
        owners = owners_of_beginnings(regions, AREA_CODE_DIGITS.get(code, DIGITS_MAX))
        for prefix, region in shortest(owners):
            if region != main_region:
                yield f"{code}{prefix}", region


def owners_of_beginnings(regions: tuple[str, ...], length: int) -> dict[str, str]:
    # Where several claim the same digits (mobile or toll-free numbers), the library answers with the first of its list.
    owners: dict[str, str] = {}
    for region in reversed(regions):
        for pattern in patterns(region):
            owners |= dict.fromkeys(beginnings(pattern, length), region)
    return owners


def patterns(region: str) -> list[str]:
    """What the library itself goes by: leading digits where they are known, else all kinds of numbers."""
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    if metadata.leading_digits is not None:
        return [rf"(?:{metadata.leading_digits})\d{{{DIGITS_MAX}}}"]
    kinds = (getattr(metadata, kind) for kind in KINDS)
    return [kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern]


def shortest(owners: dict[str, str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """As few digits as tell the countries apart, so that numbers nobody has been given yet have a country, too."""
    countries = set(owners.values())
    if len(countries) == 1:
        yield prefix, countries.pop()
        return
    for longer in (f"{prefix}{digit}" for digit in range(10)):
        below = {digits: region for digits, region in owners.items() if digits.startswith(longer)}
        yield from shortest(below, longer) if below else ()


def beginnings(pattern: str, length: int) -> set[str]:
    """The first digits of all that a pattern matches. Patterns are only digits, sets, groups and repetitions."""
    tokens = TOKEN.findall(pattern)
    if "".join(tokens) != pattern:
        raise ValueError(f"cannot read the pattern {pattern!r}")
    tokens.reverse()
    return _alternatives(tokens, length)


def _alternatives(tokens: list[str], length: int) -> set[str]:
    finished: set[str] = set()
    current = {""}
    while tokens and (token := tokens.pop()) != ")":
        if token == "|":
            finished |= current
            current = {""}
        else:
            piece = _alternatives(tokens, length) if token == "(?:" else _digits(token)
            current = _followed_by(current, piece, *_repetitions(tokens), length)
    return finished | current


def _digits(token: str) -> set[str]:
    return {digit for digit in "0123456789" if re.fullmatch(token, digit)}


def _repetitions(tokens: list[str]) -> tuple[int, int]:
    if not tokens or tokens[-1][0] not in "?{":
        return 1, 1
    token = tokens.pop()
    if token == "?":
        return 0, 1
    least, _, most = token[1:-1].partition(",")
    return int(least), int(most or least)


def _followed_by(before: set[str], piece: set[str], least: int, most: int, length: int) -> set[str]:
    found = before if least == 0 else set()
    for count in range(1, most + 1):
        before = {start if len(start) == length else (start + end)[:length] for start in before for end in piece}
        found = found | before if count >= least else found
    return found


if __name__ == "__main__":
    main()
