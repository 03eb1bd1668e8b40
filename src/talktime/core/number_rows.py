"""What an operator says about numbers, line by line: over the tables that are shipped (D-39)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

from talktime.core.countries import is_country
from talktime.core.emergency import Entry
from talktime.core.numbers import Allowed, NumberKind, NumberRow, Numbers
from talktime.core.price_files import of_json
from talktime.core.price_rows import BadRow
from talktime.core.sheets import Cells, file_lines, read_each

COLUMNS = ("prefix", "kind", "premium", "high_risk", "digits", "country", "reason")
REQUIRED = ("prefix",)
REASON_LENGTH_MAX = 500
YES_NO = {"yes": True, "no": False}
MAY_BE_SAID = tuple(kind for kind in NumberKind if kind not in (NumberKind.EMERGENCY, NumberKind.NO_COUNTRY))

_is_prefix = re.compile(r"[0-9]{1,15}").fullmatch
_is_emergency_number = re.compile(r"[0-9]{2,6}").fullmatch
_is_count = re.compile(r"[0-9]{1,2}").fullmatch
Choice = TypeVar("Choice", bound=StrEnum)


class NumberLine(NamedTuple):
    """Of an emergency number the entry, of all others the row."""

    cells: Mapping[str, str]
    row: NumberRow | None
    entry: Entry | None

    @property
    def key(self) -> str:
        """No two lines say something about the same."""
        return "".join(self.entry) if self.entry else self.cells["prefix"]


def number_line(cells: Cells) -> NumberLine:
    given = {name: value.strip() for name, value in cells.items() if value.strip()}
    for name in given:
        if name not in COLUMNS:
            raise BadRow(name[:40], "no column is called so", "unknown_field")
    _check_reason(given.get("reason", ""))
    if given.get("kind") == NumberKind.EMERGENCY:
        return NumberLine(given, None, _entry(given))
    return NumberLine(given, _row(given), None)


def _entry(given: Cells) -> Entry:
    """A country, and what is dialled there."""
    for name in ("premium", "high_risk", "digits"):
        if name in given:
            raise BadRow(name, "says nothing about an emergency number")
    country, number = given.get("country", ""), given.get("prefix", "")
    if not is_country(country):
        raise BadRow("country", f"{country[:40]!r} is no country like LV")
    if not _is_emergency_number(number):
        raise BadRow("prefix", f"{number[:40]!r} is not 2 to 6 digits as they are dialled")
    return country, number


def _row(given: Cells) -> NumberRow:
    prefix = given.get("prefix", "")
    if not _is_prefix(prefix):
        raise BadRow("prefix", f"{prefix[:40]!r} is not 1 to 15 digits")
    if "country" in given:
        raise BadRow("country", "goes with emergency numbers: of all others the digits say it")
    row = NumberRow(
        prefix,
        _choice(MAY_BE_SAID, "kind", given),
        _choice(tuple(Allowed), "premium", given),
        _yes_no(given),
        _digits(given),
    )
    if row.kind is None and row.premium is None and row.high_risk is None:
        raise BadRow("kind", "nothing is said: kind, premium or high_risk must be there", "missing_field")
    return row


def _choice(choices: tuple[Choice, ...], field: str, given: Cells) -> Choice | None:
    for choice in choices:
        if given.get(field) == choice:
            return choice
    if field in given:
        raise BadRow(field, f"{given[field][:40]!r} is none of {', '.join(choices)}")
    return None


def _yes_no(given: Cells) -> bool | None:
    if "high_risk" not in given:
        return None
    if given["high_risk"] not in YES_NO:
        raise BadRow("high_risk", f"{given['high_risk'][:40]!r} is neither yes nor no")
    return YES_NO[given["high_risk"]]


def _digits(given: Cells) -> int | None:
    if "digits" not in given:
        return None
    if not _is_count(given["digits"]) or not 1 <= int(given["digits"]) <= 15:
        raise BadRow("digits", f"{given['digits'][:40]!r} is no whole number from 1 to 15")
    return int(given["digits"])


def _check_reason(text: str) -> None:
    if len(text) > REASON_LENGTH_MAX or not text.isprintable():
        raise BadRow("reason", f"must have at most {REASON_LENGTH_MAX} characters, and none that controls")


_ONCE = {"prefix": lambda line: (line.key, line.row and line.row.digits)}


def read_number_file(content: bytes) -> list[NumberLine]:
    return [line for _, line in file_lines(content, REQUIRED, COLUMNS, number_line, _ONCE)]


def read_number_rows(rows: Iterable[Cells]) -> list[NumberLine]:
    return [line for _, line in read_each(enumerate(rows), number_line, _ONCE, of_json)]


def with_lines(numbers: Numbers, lines: Iterable[NumberLine]) -> Numbers:
    kept = list(lines)
    return numbers.with_rows([line.row for line in kept if line.row], [line.entry for line in kept if line.entry])
