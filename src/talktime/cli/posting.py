"""`talktime rate-records --post`: calls of a file are booked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import typer

from talktime.actions.audit import Actor
from talktime.actions.posting import Postings
from talktime.app import App, open_app
from talktime.cli.options import BAD, USAGE, CannotDo, progress_bar, say, say_json
from talktime.core.prices import Row
from talktime.rating.columns import CannotRate
from talktime.rating.files import errors_of
from talktime.rating.post_files import Summary, post_file
from talktime.rating.price_book import SINCE_EVER, Version
from talktime.settings import Settings
from talktime.storage.folder import claimed

BY = "rate-records"


def post_records(
    source: Path,
    out: Path,
    names: dict[str, str],
    rows: Sequence[Row] | None,
    charge_decimals: int,
    org: str | None,
    settings: Settings,
    as_json: bool,
) -> None:
    versions = None if rows is None else [Version(SINCE_EVER, rows, charge_decimals)]
    began, digest = time.monotonic(), _digest(source)
    with _opened(settings) as app, progress_bar(hidden=as_json) as bar:
        task = bar.add_task("calls", total=None)
        watch = None if bar.disable else lambda done, total: bar.update(task, completed=done, total=total)
        postings = Postings(app.database, org, digest, versions, Actor(BY, app.now()))
        try:
            summary = post_file(source, out, names, postings.post, watch)
        except CannotRate as error:
            raise CannotDo(str(error), USAGE) from error
        postings.end()
    _tell(summary, out, time.monotonic() - began, as_json)
    if summary.errors:
        raise typer.Exit(BAD)


@contextmanager
def _opened(settings: Settings) -> Iterator[App]:
    """A running server of the embedded database keeps it to itself: then this is refused."""
    with ExitStack() as opened:
        if settings.on_sqlite:
            opened.enter_context(claimed(settings.data))
        app = open_app(settings)
        opened.callback(app.close)
        yield app


def _digest(source: Path) -> str:
    found = blake2b(digest_size=8)
    try:
        with source.open("rb") as file:
            while part := file.read(1 << 20):
                found.update(part)
    except OSError as error:
        raise CannotDo(f"{source} cannot be read: {error.strerror}", USAGE) from error
    return found.hexdigest()


def _tell(summary: Summary, out: Path, seconds: float, as_json: bool) -> None:
    told = _json(summary, out, seconds)
    if as_json:
        say_json(told)
        return
    say(
        f"{out}: {told['booked']:,} calls booked, {told['known']:,} were there already; "
        f"charged {summary.charge:,f}, shortfall {summary.shortfall:,f} in {seconds:.1f} s"
    )
    for payer, share in sorted(summary.payers.items()):
        say(f"{payer}: {share.calls:,} calls, {share.minutes:,} minutes of pools, {share.charge:,f}")
    for reason, calls in sorted(summary.refused.items()):
        say(f"{reason}: {calls:,} calls would have been refused and are a shortfall")
    if summary.errors:
        say(f"{errors_of(out)}: {summary.errors:,} calls were not booked")


def _json(summary: Summary, out: Path, seconds: float) -> dict[str, Any]:
    outcomes = {name: summary.outcomes[name] for name in ("booked", "unanswered", "known")}
    payers = {
        payer: {"calls": share.calls, "pool_minutes": share.minutes, "charge": str(share.charge)}
        for payer, share in sorted(summary.payers.items())
    }
    money = {"charge": str(summary.charge), "shortfall": str(summary.shortfall)}
    about = {"payers": payers, "refused": dict(sorted(summary.refused.items()))}
    files = {"out": str(out), "errors_file": str(errors_of(out)) if summary.errors else None}
    return (
        {"records": summary.records}
        | outcomes
        | {"errors": summary.errors}
        | money
        | about
        | files
        | {"seconds": round(seconds, 3)}
    )
