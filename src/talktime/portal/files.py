"""Tables as files: RFC 4180, amounts as decimals with a point, nothing that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

from talktime.reports.csv_files import harmless
from talktime.web.routes import Raw

Cell = str | int | Decimal


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Raw:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    told = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Raw(file.getvalue().encode(), "text/csv; charset=utf-8", told)
