"""`talktime verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from talktime.cli.options import BAD, Data, Json, Url, console, progress_bar, say, say_json, settings_of

if TYPE_CHECKING:
    from talktime.actions.upkeep import Report


def verify(data: Data = None, database: Url = None, as_json: Json = False) -> None:
    """Check that every invariant holds: balances, lots, holds, the numbering of entries and the seals over them.

    Reads one snapshot, also beside a running server. Exit code 0: all holds; 1: something does not, and is listed.
    """
    from talktime.actions.upkeep import reading
    from talktime.actions.upkeep import verify as check

    settings = settings_of(data, database)
    with progress_bar(hidden=as_json) as bar:
        task = bar.add_task("rows", total=None)
        source = reading(settings.database, settings.sqlite_path)
        try:
            report = check(source, lambda done, total: bar.update(task, completed=done, total=total))
        finally:
            source.close()
    if as_json:
        say_json(report_json(report))
    else:
        show_report(report)
    if not report.clean:
        raise typer.Exit(BAD)


def report_json(report: Report) -> dict[str, Any]:
    findings = [
        {"invariant": one.invariant, "organization": one.organization, "detail": one.detail} for one in report.findings
    ]
    names = ("organizations", "entries", "calls", "unsealed", "found")
    return {
        "clean": report.clean,
        **{name: getattr(report, name) for name in names},
        "seconds": round(report.seconds, 3),
        "findings": findings,
    }


def show_report(report: Report) -> None:
    if report.findings:
        table = Table("invariant", "organization", "what was found", title="Findings", title_justify="left")
        for one in report.findings:
            table.add_row(one.invariant, one.organization or "", one.detail)
        console().print(table)
    if report.found > len(report.findings):
        say(f"and {report.found - len(report.findings):,} more")
    say(
        f"{'every invariant holds' if report.clean else f'{report.found:,} findings'}: "
        f"{report.organizations:,} organizations, {report.entries:,} entries ({report.unsealed:,} not sealed yet), "
        f"{report.calls:,} calls in {report.seconds:.1f} s"
    )


def add_to(app: typer.Typer) -> None:
    app.command()(verify)
