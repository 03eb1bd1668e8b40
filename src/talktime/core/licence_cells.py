"""One licence as people write it, cell by cell, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from talktime.core.countries import is_country
from talktime.core.licence_terms import ELSEWHERE, LISTS, Ability, Caps, Counted, Licence, Minutes, PoolKind, Shared
from talktime.core.price_rows import BadRow

COLUMNS = (
    "code",
    "name",
    "ability",
    "order",
    "counts_as",
    "includes",
    "conference",
    "domestic",
    "international",
    "counted",
    "shared",
    "destinations",
    "caps",
    "source",
)
REQUIRED = ("code", "name")
NAME_LENGTH_MAX = 200
ORDER_MAX = 1000
MINUTES_MAX = 1_000_000

_is_code = re.compile(r"[A-Z][A-Z0-9_]{0,63}").fullmatch
_is_whole = re.compile(r"[0-9]{1,9}").fullmatch
_is_country_with_minutes = re.compile(r"([A-Z]{2}|\*):([0-9]{1,9})").fullmatch

Cells = Mapping[str, str]
Choice = TypeVar("Choice", bound=StrEnum)


def licence_of(cells: Cells) -> Licence:
    _check_columns(cells)
    given = {name: value.strip() for name, value in cells.items() if value.strip()}
    licence = Licence(
        code=_code("code", given.get("code", "")),
        name=_name(given.get("name", "")),
        ability=_choice(Ability, "ability", given),
        order=_whole("order", given["order"], ORDER_MAX) if "order" in given else None,
        counts_as=_code("counts_as", given["counts_as"]) if "counts_as" in given else None,
        includes=tuple(_code("includes", code) for code in given.get("includes", "").split()),
        minutes={kind: _minutes(kind, given[kind]) for kind in PoolKind if kind in given},
        counted=_choice(Counted, "counted", given),
        shared=_choice(Shared, "shared", given),
        destinations=frozenset(map(_destination, given.get("destinations", "").split())),
        caps=_choice(Caps, "caps", given),
    )
    _check(licence)
    return licence


def _check_columns(cells: Cells) -> None:
    if "" in cells:
        raise BadRow("", "has not as many cells as the header", "wrong_columns")
    for name in cells:
        if name not in COLUMNS:
            raise BadRow(name[:40], "no column is called so", "unknown_field")


def _check(licence: Licence) -> None:
    """What one cell demands of another."""
    with_minutes = bool(licence.minutes)
    demands = (
        ("ability", licence.ability is None and licence.order is not None, "is missing: only an ability has an order"),
        ("counted", with_minutes != (licence.counted is not None), "goes with minutes, and minutes with it"),
        ("shared", with_minutes != (licence.shared is not None), "goes with minutes, and minutes with it"),
        ("destinations", bool(licence.destinations) != _reaches_far(licence), "goes with conference or international"),
        ("conference", _has(licence, PoolKind.CONFERENCE) and len(licence.minutes) > 1, "goes with no other minutes"),
        ("caps", (licence.caps is not None) != _has_two(licence), "goes with domestic and international together"),
        ("counted", _is_bought_for_nobody(licence), "is not to be purchased unless shared by the organization"),
    )
    for field, is_wrong, detail in demands:
        if is_wrong:
            raise BadRow(field, detail)


def _has(licence: Licence, kind: PoolKind) -> bool:
    return kind in licence.minutes


def _reaches_far(licence: Licence) -> bool:
    return _has(licence, PoolKind.CONFERENCE) or _has(licence, PoolKind.INTERNATIONAL)


def _has_two(licence: Licence) -> bool:
    return _has(licence, PoolKind.DOMESTIC) and _has(licence, PoolKind.INTERNATIONAL)


def _is_bought_for_nobody(licence: Licence) -> bool:
    return licence.counted is Counted.PURCHASED and licence.shared is not Shared.ORGANIZATION


def _code(field: str, text: str) -> str:
    if not _is_code(text):
        raise BadRow(field, f"{text[:40]!r} is no code like MCOPSTN1")
    return text


def _name(text: str) -> str:
    if not 0 < len(text) <= NAME_LENGTH_MAX or not text.isprintable():
        raise BadRow("name", f"must have 1 to {NAME_LENGTH_MAX} characters, and none that controls")
    return text


def _choice(choices: type[Choice], field: str, given: Cells) -> Choice | None:
    if field not in given:
        return None
    try:
        return choices(given[field])
    except ValueError:
        raise BadRow(field, f"{given[field][:40]!r} is none of {', '.join(choices)}") from None


def _whole(field: str, text: str, most: int) -> int:
    if not _is_whole(text) or int(text) > most:
        raise BadRow(field, f"{text[:40]!r} is no whole number from 0 to {most}")
    return int(text)


def _minutes(field: str, text: str) -> Minutes:
    """`US:3000 *:1200`: by country, the star for all others."""
    found: dict[str, int] = {}
    for part in text.split():
        matched = _is_country_with_minutes(part)
        if matched is None or not (matched[1] == ELSEWHERE or is_country(matched[1])):
            raise BadRow(field, f"{part[:40]!r} is not like US:3000 or *:1200")
        if matched[1] in found:
            raise BadRow(field, f"{matched[1]} is there twice", "duplicate")
        found[matched[1]] = _whole(field, matched[2], MINUTES_MAX)
    return found


def _destination(text: str) -> str:
    if text not in LISTS and not is_country(text):
        raise BadRow("destinations", f"{text[:40]!r} is neither a country nor one of {', '.join(LISTS)}")
    return text
