"""Files that the operator sends: what is wrong with them is told line by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from talktime.portal.operator.ours import wrong
from talktime.portal.visit import Visit
from talktime.web.problems import FieldError, Problem
from talktime.web.routes import IMPORT_BYTES_MAX, Raw

CSV = "text/csv"
FORM_MAX = IMPORT_BYTES_MAX + (1 << 16)
"""The file, and what is around it."""


class BadLine(NamedTuple):
    line: str
    column: str
    text: str


def sent_file(visit: Visit) -> bytes:
    """Problem: none was chosen, or it is empty."""
    upload = visit.form.files.get("file")
    if upload is None or not upload.content.strip():
        raise wrong("no_file", "file")
    return upload.content


def bad_lines(visit: Visit, problem: Problem) -> list[BadLine]:
    return [_bad(visit, problem, one) for one in problem.errors if one.field.startswith("lines[")]


def _bad(visit: Visit, problem: Problem, one: FieldError) -> BadLine:
    """`lines[3].per_minute`; the English sentence says the line again."""
    place, _, column = one.field.partition(".")
    detail = one.detail.partition(": ")[2] or one.detail
    return BadLine(place[len("lines[") : -1], column, visit.sentence(problem, detail, one.code))


def as_file(name: str, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> Raw:
    """To be changed and sent back, so nothing in it is made harmless for a spreadsheet."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return Raw(
        file.getvalue().encode(), "text/csv; charset=utf-8", {"content-disposition": f'attachment; filename="{name}"'}
    )
