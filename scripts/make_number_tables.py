"""Write `core/data/number_kinds.csv` and `emergency_numbers.csv` from what `phonenumbers` knows.

    python scripts/make_number_tables.py

Run it when `phonenumbers` has been updated and `tests/core/test_numbers.py` or `test_emergency.py` says that the files
no longer agree. What we say differently from the library stands in `number_overrides.csv`, which this script does not
touch.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_SHORT_REGIONS, PhoneMetadata

DATA = Path(__file__).parents[1] / "src" / "talktime" / "core" / "data"

# As deep as kinds are told apart by their digits. What is not by then is by how many digits there are: in Ireland
# 1800 xxx xxx is toll-free and 1800 xxxx is in Dublin.
DIGITS_MAX = 7
LENGTHS = range(1, 16)

NO_COUNTRY = "001"

ORDINARY = "ordinary"

# Where neither can tell, the kind that comes first here counts: nobody's ordinary number is refused, and no premium
# number is taken for a free one.
KINDS = {
    ORDINARY: ("fixed_line", "mobile", "voip", "pager", "personal_number", "uan"),
    "premium": ("premium_rate",),
    "shared_cost": ("shared_cost",),
    "toll_free": ("toll_free",),
}

# ISO 3166 counts Ascension and Tristan da Cunha with Saint Helena, as country_overrides.csv does.
OURS = {"AC": "SH", "TA": "SH"}

# A repetition, which is left as it is, or one digit of a pattern.
DIGIT = re.compile(r"\{[\d,]+}|(\\d|\[[^]]*]|\d)")

EMERGENCY_DIGITS_MAX = 6

# A digit that is not known yet.
ANY = "x"

Patterns = dict[str, list[re.Pattern[str]]]

Told = frozenset[tuple[int | None, str]]
"""Kinds that are not ordinary: each with the count of digits that numbers of this kind have; None: any."""


def main() -> None:
    write("number_kinds.csv", ("prefix", "digits", "kind"), number_kinds())
    write("emergency_numbers.csv", ("country", "number"), emergency_numbers())


def write(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with (DATA / name).open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


# --- kinds ---


def number_kinds() -> list[tuple[str, str, str]]:
    codes = COUNTRY_CODE_TO_REGION_CODE.items()
    return sorted(chain.from_iterable(kinds_of_code(str(code), patterns_of(code, regions)) for code, regions in codes))


def kinds_of_code(code: str, patterns: Patterns) -> Iterator[tuple[str, str, str]]:
    for prefix, told in shortest(patterns).items():
        for digits, kind in told:
            yield f"{code}{prefix}", str(len(code) + digits) if digits else "", kind


def patterns_of(code: int, regions: tuple[str, ...], kinds: Mapping[str, Sequence[str]] = KINDS) -> Patterns:
    found: Patterns = {kind: [] for kind in kinds}
    for region in regions:
        metadata = metadata_of(code, region)
        for kind, names in kinds.items():
            described = (getattr(metadata, name) for name in names)
            written = (one.national_number_pattern for one in described if one is not None)
            found[kind] += [with_any(pattern) for pattern in written if pattern]
    return found


def metadata_of(code: int, region: str) -> PhoneMetadata:
    if region == NO_COUNTRY:
        metadata = PhoneMetadata.metadata_for_nongeo_region(code)
    else:
        metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    return metadata


def with_any(pattern: str) -> re.Pattern[str]:
    """Matches what the pattern does, and also where some digits are not known yet."""
    return re.compile(DIGIT.sub(lambda found: f"(?:{found[1]}|{ANY})" if found[1] else found[0], pattern))


def shortest(patterns: Patterns, prefix: str = "", digits_max: int = DIGITS_MAX) -> dict[str, Told]:
    """As few digits as tell the kinds apart, so that numbers nobody has been given yet have a kind, too."""
    by_length = {length: found for length in LENGTHS if (found := possible(patterns, prefix, length))}
    kinds = {kind for found in by_length.values() for kind in found}
    if len(kinds) == 1:
        return {prefix: frozenset((None, kind) for kind in kinds if kind != ORDINARY)}
    if not kinds:
        return {}
    # The shortest numbers are complete: there is nothing below them.
    if len(prefix) in (digits_max, min(by_length)):
        return {prefix: frozenset((length, found[0]) for length, found in by_length.items() if found[0] != ORDINARY)}
    below = [shortest(patterns, f"{prefix}{digit}", digits_max) for digit in range(10)]
    return joined(prefix, {longer: told for found in below for longer, told in found.items()})


def possible(patterns: Patterns, prefix: str, length: int) -> list[str]:
    number = prefix.ljust(length, ANY)
    if len(number) > length:
        return []
    return [kind for kind, mine in patterns.items() if any(one.fullmatch(number) for one in mine)]


def joined(prefix: str, below: dict[str, Told]) -> dict[str, Told]:
    """Where the same is said of all that is below, it is said of the prefix."""
    told = set(below.values())
    return {prefix: told.pop()} if len(told) == 1 else below


# --- emergency numbers ---


def emergency_numbers() -> list[tuple[str, str]]:
    found = {(OURS.get(region, region), number) for region in SUPPORTED_SHORT_REGIONS for number in numbers_of(region)}
    return sorted(found)


def numbers_of(region: str) -> Iterator[str]:
    metadata = PhoneMetadata.short_metadata_for_region(region)
    described = metadata.emergency if metadata is not None else None
    if described is not None and described.national_number_pattern:
        pattern = described.national_number_pattern
        yield from completed(re.compile(pattern), with_any(pattern))


def completed(pattern: re.Pattern[str], unfinished: re.Pattern[str], start: str = "") -> Iterator[str]:
    """All that the pattern matches, found digit by digit."""
    if pattern.fullmatch(start):
        yield start
    lengths = range(len(start) + 1, EMERGENCY_DIGITS_MAX + 1)
    for longer in (f"{start}{digit}" for digit in range(10)):
        if any(unfinished.fullmatch(longer.ljust(length, ANY)) for length in lengths):
            yield from completed(pattern, unfinished, longer)


if __name__ == "__main__":
    main()
