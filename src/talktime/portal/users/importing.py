"""Users from a file: first what it would change, then the change. One bad line, and nothing is changed."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from talktime.actions import user_files
from talktime.actions.errors import InvalidMany
from talktime.actions.roster import Change
from talktime.core.price_files import ERRORS_MAX, BadRows, lines_in
from talktime.core.user_rows import COLUMNS, REQUIRED, read_user_file
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.users.words import line_error
from talktime.portal.visit import Visit
from talktime.web.problems import FieldError, Problem

CHANGES_SHOWN = 100
CELL_SHOWN = 60
_place = re.compile(r"lines\[(\d+)\](?:\.(.*))?").fullmatch


class BadLine(NamedTuple):
    number: int
    """0: the file as a whole."""
    column: str
    cell: str
    text: str


class Seen(NamedTuple):
    """Of one user: who, and which columns change. No columns: he is new."""

    name: str
    sign_in_name: str
    columns: Sequence[str]


def get_import(visit: Visit) -> Answer:
    return _form(visit)


def _form(visit: Visit, wrong: Sequence[BadLine] = (), error: str = "") -> Answer:
    values = {
        "columns": [(name, name in REQUIRED) for name in COLUMNS],
        "wrong": wrong,
        "most": ERRORS_MAX,
        "errors": {"file": error} if error else None,
    }
    return Screen("users/import.html", values, 422 if wrong or error else 200)


def preview(visit: Visit) -> Answer:
    """Nothing is changed yet."""
    _ = visit.say
    file = visit.form.files.get("file")
    if file is None or not file.content.strip():
        return _form(visit, error=_("Choose a file that has something in it."))
    try:
        changes, told = _foreseen(visit, file.content)
    except BadRows as error:
        return _form(visit, _bad_lines(visit, file.content, [FieldError(*one) for one in error.errors]))
    except InvalidMany as error:
        return _form(visit, _bad_lines(visit, file.content, [FieldError(*one) for one in error.errors]))
    values = {
        "file": file.name,
        "content": file.content.decode("utf-8-sig"),
        "told": told,
        "changes": [_seen(change) for change in changes[:CHANGES_SHOWN]],
        "more": max(len(changes) - CHANGES_SHOWN, 0),
    }
    return Screen("users/preview.html", values)


def _foreseen(visit: Visit, content: bytes) -> tuple[Sequence[Change], user_files.Taken]:
    lines = read_user_file(content)
    return visit.read(user_files.foreseen, visit.org_id, lines, lambda: visit.app.new_id("usr"), visit.now)


def _seen(change: Change) -> Seen:
    old, new = change.old, change.new
    columns = [name for name in COLUMNS if getattr(old, name) != getattr(new, name)] if old else []
    return Seen(new.name, new.sign_in_name, columns)


def take(visit: Visit) -> Answer:
    """What the preview has shown, though others may have changed users meanwhile."""
    content = visit.form.whole("content").encode()
    try:
        visit.upload("POST", "/v1/users/import", content, "text/csv")
    except Problem as problem:
        if not problem.errors:
            raise
        return _form(visit, _bad_lines(visit, content, problem.errors))
    return Away("/users/list", "imported")


def _bad_lines(visit: Visit, content: bytes, errors: Sequence[FieldError]) -> list[BadLine]:
    """Each with what stands in the file."""
    cells = _cells(content, {number for number, _ in map(_where, errors)})
    return [_bad_line(visit, error, cells) for error in errors]


def _bad_line(visit: Visit, error: FieldError, cells: dict[tuple[int, str], str]) -> BadLine:
    number, column = _where(error)
    cell = cells.get((number, column), "")
    empty = error.code == "invalid_value" and column in REQUIRED and not cell.strip()
    return BadLine(number, column, cell[:CELL_SHOWN], line_error(visit, "needed" if empty else error.code))


def _where(error: FieldError) -> tuple[int, str]:
    found = _place(error.field)
    return (int(found[1]), found[2] or "") if found else (0, "")


def _cells(content: bytes, numbers: set[int]) -> dict[tuple[int, str], str]:
    """By line and column. Nothing of a file that cannot be read."""
    found: dict[tuple[int, str], str] = {}
    try:
        lines = lines_in(content)
        header = [name.strip() for name in next(lines, (0, []))[1]]
        for number, cells in islice(lines, max(numbers, default=0)):
            if number in numbers:
                found |= {(number, name): cell for name, cell in zip(header, cells, strict=False)}
    except (BadRows, ValueError, csv.Error):
        pass
    return found
