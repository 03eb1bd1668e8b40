"""Tables as people keep them: a header, a line for each thing, and every bad line told with the field that is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Generic, TypeVar

from talktime.core.phone import is_usable
from talktime.core.price_files import ERRORS_MAX, BadRows, Place, Wrong, check_header, lines_in, of_file, wrong_at
from talktime.core.price_rows import BadRow

T = TypeVar("T")
Cells = Mapping[str, str]
Numbered = tuple[int, Cells]

# A spreadsheet takes what begins so for a formula, wherever the file is from.
_looks_like_a_formula = re.compile(r"'*[=+\-@]").match
_was_made_harmless = re.compile(r"'+[=+\-@]").match


def harmless(cell: str) -> str:
    return f"'{cell}" if _looks_like_a_formula(cell) and not is_usable(cell) else cell


def as_it_was(cell: str) -> str:
    """What `harmless` was given."""
    return cell[1:] if _was_made_harmless(cell) else cell


def written(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> bytes:
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in line] for line in lines)
    return out.getvalue().encode()


def cells_in(content: bytes, required: Sequence[str], columns: Sequence[str]) -> Iterator[Numbered]:
    """Line by line, with its number. A column that is not in the file is not in the cells."""
    lines = lines_in(content)
    try:
        header = [name.strip() for name in next(lines, (0, []))[1]]
    except csv.Error as error:
        raise BadRows([Wrong("lines[1]", "malformed", f"Line 1: {error}.")]) from error
    check_header(header, required, columns)
    for number, cells in lines:
        yield number, _named(header, cells)


def _named(header: Sequence[str], cells: Sequence[str]) -> Cells:
    """A line of another width is told when it is read: its cells stand under no name."""
    if len(cells) != len(header):
        return {"": f"{len(cells)} columns where the header has {len(header)}"}
    return {name: as_it_was(cell) for name, cell in zip(header, cells, strict=True)}


def read_each(
    source: Iterable[Numbered], read: Callable[[Cells], T], once: Mapping[str, Callable[[T], Hashable]], place: Place
) -> list[tuple[int, T]]:
    """`once`: what no two lines may share, by the field that is then wrong; None may be shared."""
    reader = _Reader(read, once, place)
    number = 1
    try:
        for number, cells in source:
            reader.take(number, cells)
    except csv.Error as error:
        reader.wrong.append(wrong_at(BadRow("", str(error), "malformed"), number + 1, place))
    if reader.wrong:
        raise BadRows(reader.wrong[:ERRORS_MAX])
    return reader.found


class _Reader(Generic[T]):
    def __init__(self, read: Callable[[Cells], T], once: Mapping[str, Callable[[T], Hashable]], place: Place) -> None:
        self._read, self._once, self._place = read, once, place
        self._seen: dict[tuple[str, Hashable], int] = {}
        self.found: list[tuple[int, T]] = []
        self.wrong: list[Wrong] = []

    def take(self, number: int, cells: Cells) -> None:
        try:
            self.found.append((number, self._one(number, cells)))
        except BadRow as error:
            self.wrong.append(wrong_at(error, number, self._place))

    def _one(self, number: int, cells: Cells) -> T:
        if "" in cells:
            raise BadRow("", cells[""][:80], "wrong_columns")
        made = self._read(cells)
        for field, key in self._once.items():
            value = key(made)
            first = number if value is None else self._seen.setdefault((field, value), number)
            if first != number:
                raise BadRow(field, f"the same as in {self._place(first)[1].lower()}", "duplicate")
        return made


def file_lines(
    content: bytes,
    required: Sequence[str],
    columns: Sequence[str],
    read: Callable[[Cells], T],
    once: Mapping[str, Callable[[T], Hashable]],
) -> list[tuple[int, T]]:
    return read_each(cells_in(content, required, columns), read, once, of_file)
