"""`talktime audit`: the audit log for those who look into it with their own tools."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import msgspec
import typer

from talktime.cli.options import USAGE, CannotDo, Data, Json, Url, organization_in, say_json, settings_of
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.sheets import harmless
from talktime.core.time import instant, moment

if TYPE_CHECKING:
    from talktime.storage.audit_store import AuditRow
    from talktime.storage.database import Database, ReadTx

audit = typer.Typer(help="The audit log.", no_args_is_help=True)
COLUMNS = ("id", "number", "at", "actor", "action", "object", "old", "new")
INSTANT = "An instant or a day, as in 2031-03-01 or 2031-03-01T12:00:00Z."


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


@audit.command()
def export(
    organization: Annotated[
        str, typer.Option("--organization", metavar="ORG", help="Whose: org_..., or 'operator' for the operator's own.")
    ],
    since: Annotated[str | None, typer.Option("--from", metavar="INSTANT", help=f"{INSTANT} Included.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="INSTANT", help=f"{INSTANT} Not included.")] = None,
    kind: Annotated[Format, typer.Option("--format", help="JSON lines, or CSV.")] = Format.JSONL,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="A new file; without it standard output.")
    ] = None,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Write the audit log of an organization, oldest first: who changed what, from what to what.

    Works beside a running server, and needs no more memory for a long log than for a short one. Numbers have no gaps.
    """
    if as_json and output is None:
        raise CannotDo("--json says what is in the file that --output names: name one", USAGE)
    settings, org_id = settings_of(data, database), organization_in(organization)
    span = _instant("--from", since), _instant("--to", until)
    from talktime.actions.upkeep import reading
    from talktime.reports.audit import in_order

    def written_to(tx: ReadTx, to: TextIO) -> int:
        # Whatever becomes of the file, the reading ends with it.
        with closing(in_order(tx, org_id, *span)) as rows:
            return _write(to, rows, kind)

    with closing(reading(settings.database, settings.sqlite_path)) as source:
        _must_be_there(source, organization, org_id)
        with _opened(output) as to:
            written = source.read(org_id, written_to, to)
    if as_json:
        say_json({"file": str(output), "rows": written})


def _must_be_there(source: Database, name: str, org_id: int) -> None:
    from talktime.actions.errors import NotFound
    from talktime.actions.organizations import found

    try:
        if org_id != OPERATOR_ORG:
            source.read(org_id, found, org_id)
    except NotFound as error:
        raise CannotDo(f"there is no organization {name}") from error


def _write(to: TextIO, rows: Iterator[AuditRow], kind: Format) -> int:
    if kind is Format.CSV:
        to.write(_csv(COLUMNS))
    written = 0
    for row in rows:
        to.write(_line(row, kind))
        written += 1
    to.flush()
    return written


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """A file that is there already is not written over; it appears when it is whole, and is its owner's alone."""
    if output is None:
        yield sys.stdout
        return
    from talktime.storage.backup import whole_or_not_at_all

    if output.exists():
        raise CannotDo(f"{output} is there already")
    try:
        with whole_or_not_at_all(output) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise CannotDo(f"{output} cannot be written: {error.strerror}") from error


def _instant(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CannotDo(f"{option}: '{text}' is neither a day nor an instant, as 2031-03-01 is", USAGE) from error
    return instant(at if at.tzinfo else at.replace(tzinfo=UTC))


def _line(row: AuditRow, kind: Format) -> str:
    at = moment(row.at).isoformat()
    values = (row.audit_id, row.audit_no, at, row.actor, row.action, row.object, row.old, row.new)
    return _csv(values) if kind is Format.CSV else _json(values)


def _csv(values: tuple[Any, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(["" if value is None else harmless(str(value)) for value in values])
    return line.getvalue()


def _json(values: tuple[Any, ...]) -> str:
    told = dict(zip(COLUMNS, values, strict=True))
    documents = {name: msgspec.Raw(told[name].encode()) for name in ("old", "new") if told[name] is not None}
    return msgspec.json.encode(told | documents).decode() + "\n"


def add_to(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")
