"""Licences as people write them, line by line: every bad line is told, with the field that is wrong."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable
from functools import partial

from talktime.core.licence_cells import COLUMNS, REQUIRED, Cells, licence_of
from talktime.core.licence_terms import Licence
from talktime.core.price_files import ERRORS_MAX, BadRows, Place, Wrong, of_file, wrong_at
from talktime.core.price_rows import BadRow
from talktime.core.sheets import cells_in


def read_licence_csv(lines: Iterable[str], known: Collection[str] = ()) -> list[Licence]:
    """The header is line 1. `known`: codes that may be named though they are not among these."""
    reader = csv.DictReader(lines, restkey="", restval="", strict=True)
    return _collected(((reader.line_num, cells) for cells in reader), known, of_file)


def read_licence_file(content: bytes, known: Collection[str] = ()) -> list[Licence]:
    """What is no file of licences is not one without any."""
    return _collected(cells_in(content, REQUIRED, COLUMNS), known, of_file)


def read_licences(rows: Iterable[Cells], known: Collection[str] = ()) -> list[Licence]:
    return _collected(enumerate(rows), known, _of_json)


def _of_json(number: int) -> tuple[str, str]:
    return f"licences[{number}]", f"Licence {number}"


def _collected(source: Iterable[tuple[int, Cells]], known: Collection[str], place: Place) -> list[Licence]:
    licences: dict[str, tuple[int, Licence]] = {}
    wrong: list[Wrong] = []
    number = 1
    try:
        for number, cells in source:
            _taken(wrong, number, place, partial(_add, licences, number, cells))
    except csv.Error as error:
        wrong.append(wrong_at(BadRow("", str(error), "malformed"), number + 1, place))
    codes = {*known, *licences}
    for number, licence in licences.values():
        _taken(wrong, number, place, partial(_check_names, licence, codes))
    if wrong:
        raise BadRows(wrong[:ERRORS_MAX])
    return [licence for _, licence in licences.values()]


def _taken(wrong: list[Wrong], number: int, place: Place, step: Callable[[], None]) -> None:
    try:
        step()
    except BadRow as error:
        wrong.append(wrong_at(error, number, place))


def _add(licences: dict[str, tuple[int, Licence]], number: int, cells: Cells) -> None:
    licence = licence_of(cells)
    if licence.code in licences:
        raise BadRow("code", f"{licence.code} is there twice", "duplicate")
    licences[licence.code] = (number, licence)


def _check_names(licence: Licence, codes: Collection[str]) -> None:
    if licence.counts_as is not None and licence.counts_as not in codes:
        raise BadRow("counts_as", f"{licence.counts_as} is no licence")
    for code in licence.includes:
        if code not in codes:
            raise BadRow("includes", f"{code} is no licence")
