"""Price lists as they come in, line by line: every bad line is told, and two lists can be compared."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import NamedTuple

from talktime.core.money import micros
from talktime.core.prices import PriceKind, Row, Window
from talktime.core.time import instant

ERRORS_MAX = 100
SECONDS_MAX = 86_400
DESTINATION_LENGTH_MAX = 200
REQUIRED = ("prefix", "per_minute")
COLUMNS = (
    *REQUIRED,
    "destination",
    "connection_fee",
    "initial_seconds",
    "step_seconds",
    "kind",
    "valid_from",
    "windows",
)

_is_prefix = re.compile(r"[0-9]{1,15}").fullmatch
_is_clock = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00").fullmatch
_days = re.compile(r"([1-7])(?:-([1-7]))?").fullmatch


class Wrong(NamedTuple):
    """One thing that is wrong: where, as a program and as a person finds it."""

    field: str
    code: str
    detail: str


class BadRow(ValueError):
    def __init__(self, field: str, detail: str, code: str = "invalid_value") -> None:
        super().__init__(detail)
        self.field, self.detail, self.code = field, detail, code


class BadRows(ValueError):
    """Nothing of the list is taken; up to a hundred of its errors are told."""

    def __init__(self, errors: Sequence[Wrong]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = list(errors)


class WindowText(NamedTuple):
    """A time of the week as people write it: days "1-5" or "6,7", from "08:00" to "19:00"."""

    days: str
    begins: str
    ends: str
    per_minute: str
    connection_fee: str


class RowText(NamedTuple):
    """A row as people write it."""

    prefix: str
    per_minute: str
    destination: str = ""
    connection_fee: str = "0"
    initial_seconds: int = 60
    step_seconds: int = 60
    kind: str = PriceKind.OUTBOUND
    valid_from: int = 0
    windows: tuple[WindowText, ...] = ()


Place = Callable[[int], tuple[str, str]]
"""From a number to where that is: as a path and in words."""


def of_json(number: int) -> tuple[str, str]:
    return f"rows[{number}]", f"Row {number}"


def of_file(number: int) -> tuple[str, str]:
    return f"lines[{number}]", f"Line {number}"


def read_rows(rows: Iterable[RowText]) -> list[Row]:
    return _collected(enumerate(rows), row_of, of_json)


def read_csv(content: bytes) -> list[Row]:
    """The header is line 1; `prefix` and `per_minute` must be there, the rest may."""
    lines = _lines(content)
    try:
        header = [name.strip() for name in next(lines, (0, []))[1]]
    except csv.Error as error:
        raise BadRows([Wrong("lines[1]", "malformed", f"Line 1: {error}.")]) from error
    _check_header(header)
    width = len(header)

    def row(cells: list[str]) -> Row:
        if len(cells) != width:
            raise BadRow("", f"{len(cells)} columns where the header has {width}", "wrong_columns")
        return row_of(_of_cells(dict(zip(header, cells, strict=True))))

    return _collected(lines, row, of_file)


def _lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each line that has something in it, with its number."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise BadRows([Wrong(f"lines[{number}]", "malformed", f"Line {number}: this is not UTF-8.")]) from error
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    for cells in reader:
        if any(cells):
            yield reader.line_num, cells


def _check_header(header: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    wrong = [Wrong(f"lines[1].{name}", "missing_field", f"Line 1: the column {name} is missing.") for name in missing]
    wrong += [Wrong(f"lines[1].{name}", "unknown_field", f"Line 1: no column is called {name!r}.") for name in unknown]
    if len(set(header)) < len(header):
        wrong.append(Wrong("lines[1]", "duplicate", "Line 1: a column is there twice."))
    if wrong:
        raise BadRows(wrong)


def _collected(source: Iterable[tuple[int, object]], read: Callable[..., Row], place: Place) -> list[Row]:
    rows: list[Row] = []
    wrong: list[Wrong] = []
    seen: dict[tuple[str, PriceKind, int], int] = {}
    number = 0
    try:
        for number, raw in source:
            try:
                row = read(raw)
                _once(seen, row, number, place)
                rows.append(row)
            except BadRow as error:
                wrong.append(_told(error, number, place))
                if len(wrong) == ERRORS_MAX:
                    break
    except csv.Error as error:
        wrong.append(_told(BadRow("", str(error), "malformed"), number + 1, place))
    if not rows and not wrong:
        wrong.append(Wrong("rows", "empty", "There is no row in it."))
    if wrong:
        raise BadRows(wrong)
    return rows


def _once(seen: dict[tuple[str, PriceKind, int], int], row: Row, number: int, place: Place) -> None:
    key = (row.prefix, row.kind, row.valid_from)
    first = seen.setdefault(key, number)
    if first != number:
        raise BadRow("prefix", f"the same prefix, kind and valid_from as {place(first)[1].lower()}", "duplicate")


def _told(error: BadRow, number: int, place: Place) -> Wrong:
    path, words = place(number)
    if not error.field:
        return Wrong(path, error.code, f"{words}: {error.detail}.")
    return Wrong(f"{path}.{error.field}", error.code, f"{words}, {error.field}: {error.detail}.")


def _of_cells(cells: Mapping[str, str]) -> RowText:
    """An empty cell is like one that is missing."""
    given = {name: value.strip() for name, value in cells.items() if value.strip()}
    for name in REQUIRED:
        if name not in given:
            raise BadRow(name, "is missing", "missing_field")
    return RowText(
        given["prefix"],
        given["per_minute"],
        given.get("destination", ""),
        given.get("connection_fee", "0"),
        _whole("initial_seconds", given.get("initial_seconds", "60")),
        _whole("step_seconds", given.get("step_seconds", "60")),
        given.get("kind", PriceKind.OUTBOUND),
        _instant(given["valid_from"]) if "valid_from" in given else 0,
        _windows_of_cell(given["windows"]) if "windows" in given else (),
    )


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadRow(name, f"{text[:40]!r} is no whole number of seconds")
    return int(text[:9])


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRow("valid_from", f"{text[:40]!r} is no time with an offset, like 2030-01-31T00:00:00Z")
    return instant(moment)


def _windows_of_cell(text: str) -> tuple[WindowText, ...]:
    """In a file: `1-5 08:00-19:00 0.10 0.05; 6,7 00:00-24:00 0.02`."""
    return tuple(_window_of_cell(part) for part in text.split(";") if part.strip())


def _window_of_cell(text: str) -> WindowText:
    parts = text.split()
    if len(parts) not in (3, 4) or parts[1].count("-") != 1:
        raise BadRow("windows", f"{text.strip()[:60]!r} is not like '1-5 08:00-19:00 0.10 0.05'")
    begins, ends = parts[1].split("-")
    return WindowText(parts[0], begins, ends, parts[2], parts[3] if len(parts) == 4 else "0")


def row_of(text: RowText) -> Row:
    if not _is_prefix(text.prefix) or not text.prefix.isascii():
        raise BadRow("prefix", f"{text.prefix[:40]!r} is not 1 to 15 digits")
    if len(text.destination) > DESTINATION_LENGTH_MAX:
        raise BadRow("destination", f"longer than {DESTINATION_LENGTH_MAX} characters")
    return Row(
        text.prefix,
        text.destination,
        _price("per_minute", text.per_minute),
        _price("connection_fee", text.connection_fee),
        _seconds("initial_seconds", text.initial_seconds),
        _seconds("step_seconds", text.step_seconds),
        _kind(text.kind),
        text.valid_from,
        tuple(_window(window) for window in text.windows) if text.windows else (),
    )


def _price(name: str, text: str) -> int:
    try:
        amount = micros(text)
    except ValueError:
        raise BadRow(name, f"{text[:40]!r} is no decimal string with at most 6 decimals") from None
    if amount < 0:
        raise BadRow(name, "is below zero")
    return amount


def _seconds(name: str, seconds: int) -> int:
    if not 1 <= seconds <= SECONDS_MAX:
        raise BadRow(name, f"must be 1 to {SECONDS_MAX}")
    return seconds


_KINDS = {kind.value: kind for kind in PriceKind}


def _kind(text: str) -> PriceKind:
    kind = _KINDS.get(text)
    if kind is None:
        raise BadRow("kind", f"{text[:40]!r} is none of {', '.join(_KINDS)}")
    return kind


def _window(text: WindowText) -> Window:
    try:
        return Window(
            _days_of(text.days),
            _minute(text.begins),
            _minute(text.ends),
            _price("per_minute", text.per_minute),
            _price("connection_fee", text.connection_fee),
        )
    except BadRow as error:
        raise BadRow("windows", f"{error.field}: {error.detail}") from error


def _days_of(text: str) -> tuple[int, ...]:
    days: set[int] = set()
    for part in text.split(","):
        found = _days(part.strip())
        if found is None or int(found[2] or 7) < int(found[1]):
            raise BadRow("days", f"{text[:40]!r} is not like '1-5' or '6,7' (Monday is 1)")
        days |= set(range(int(found[1]), int(found[2] or found[1]) + 1))
    return tuple(sorted(days))


def _minute(text: str) -> int:
    if not _is_clock(text):
        raise BadRow("time", f"{text[:40]!r} is no time of the day like 08:00")
    return int(text[:2]) * 60 + int(text[3:])


def days_text(days: Sequence[int]) -> str:
    """As short as can be: "1-5", "6-7", "1,3"."""
    if len(days) > 1 and days[-1] - days[0] == len(days) - 1:
        return f"{days[0]}-{days[-1]}"
    return ",".join(map(str, days))


def clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


class Difference(NamedTuple):
    """Rows are the same row when prefix, kind and valid_from are; changed ones as they will be."""

    added: list[Row]
    removed: list[Row]
    changed: list[Row]


def compare(old: Iterable[Row], new: Iterable[Row]) -> Difference:
    before = {_key(row): row for row in old}
    after = {_key(row): row for row in new}
    return Difference(
        [row for key, row in after.items() if key not in before],
        [row for key, row in before.items() if key not in after],
        [row for key, row in after.items() if key in before and before[key] != row],
    )


def _key(row: Row) -> tuple[str, PriceKind, int]:
    return row.prefix, row.kind, row.valid_from
