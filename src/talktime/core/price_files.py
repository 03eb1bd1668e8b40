"""Price lists as they come in, line by line: every bad line is told."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO
from itertools import islice
from typing import NamedTuple

from talktime.core.price_rows import BadRow, RowText, WindowText, row_of
from talktime.core.prices import PriceKind, Row
from talktime.core.time import instant

ERRORS_MAX = 100
NAME_MAX = 40
"""Of a name that nobody knows so much is told."""
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


class Wrong(NamedTuple):
    """One thing that is wrong: where, as a program and as a person finds it."""

    field: str
    code: str
    detail: str


class BadRows(ValueError):
    """Nothing of the list is taken; up to a hundred of its errors are told."""

    def __init__(self, errors: Sequence[Wrong]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = list(errors)


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
    lines = lines_in(content)
    try:
        header = [name.strip() for name in next(lines, (0, []))[1]]
    except csv.Error as error:
        raise BadRows([Wrong("lines[1]", "malformed", f"Line 1: {error}.")]) from error
    check_header(header, REQUIRED, COLUMNS)
    width = len(header)

    def row(cells: list[str]) -> Row:
        if len(cells) != width:
            raise BadRow("", f"{len(cells)} columns where the header has {width}", "wrong_columns")
        return row_of(_of_cells(dict(zip(header, cells, strict=True))))

    return _collected(lines, row, of_file)


def lines_in(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each line that has something in it, with its number."""
    reader = csv.reader(StringIO(text_of(content), newline=""), strict=True)
    for cells in reader:
        if any(cells):
            yield reader.line_num, cells


def text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise BadRows([Wrong(f"lines[{number}]", "malformed", f"Line {number}: this is not UTF-8.")]) from error


def check_header(header: Sequence[str], required: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    unknown = [name[:NAME_MAX] for name in islice((name for name in header if name not in columns), ERRORS_MAX)]
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
                wrong.append(wrong_at(error, number, place))
                if len(wrong) == ERRORS_MAX:
                    break
    except csv.Error as error:
        wrong.append(wrong_at(BadRow("", str(error), "malformed"), number + 1, place))
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


def wrong_at(error: BadRow, number: int, place: Place) -> Wrong:
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
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise BadRow(name, f"{text[:40]!r} is no whole number of seconds")
    return int(text)


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
