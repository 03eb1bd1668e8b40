"""`talktime rate-records`: what calls of a file cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from talktime.cli.options import BAD, USAGE, CannotDo, Json, progress_bar, say, say_json
from talktime.core.money import is_currency
from talktime.core.price_files import BadRows, read_csv

if TYPE_CHECKING:
    from talktime.core.prices import Row

ERRORS_SHOWN = 5


def rate_records(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The calls: a .csv or .parquet file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The calls with their prices: .csv or .parquet.")],
    prices: Annotated[Path, typer.Option("--prices", metavar="FILE", help="The price list, as for `rates import`.")],
    charge_decimals: Annotated[int, typer.Option(min=0, max=6, help="To how many decimals a charge is rounded.")] = 4,
    currency: Annotated[str, typer.Option(help="Three letters: that of the price list.")] = "USD",
    time_zone: Annotated[str, typer.Option(help="Where the hours of the price list count.")] = "UTC",
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="How the file calls a column; several times.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Rate the calls of a file by a price list, exactly as they are rated while they are made.

    Columns: call_id, call_type, to, started_at (with an offset) and duration_seconds or duration_ms. OUT has all
    columns of IN, and destination, prefix, billed_seconds, connection_fee and charge. What cannot be rated is not
    in OUT but, line by line, in OUT.errors.csv.

    Exit code 0: all were rated; 1: some were not; 2: nothing was written.
    """
    from talktime.rating.columns import CannotRate
    from talktime.rating.files import errors_of, rate_file
    from talktime.rating.tariffs import Tariffs

    if not is_currency(currency):
        raise CannotDo(f"{currency!r} is no currency of three letters", USAGE)
    names, rows, began = _names(column or []), _rows(prices), time.monotonic()
    with progress_bar(hidden=as_json) as bar:
        task = bar.add_task("calls", total=None)
        watch = None if bar.disable else lambda done, total: bar.update(task, completed=done, total=total)
        try:
            summary = rate_file(source, out, Tariffs(rows, charge_decimals, _zone(time_zone)), names, watch)
        except CannotRate as error:
            raise CannotDo(str(error), USAGE) from error
    seconds = time.monotonic() - began
    if as_json:
        counts = {"records": summary.records, "rated": summary.rated, "errors": summary.errors}
        files = {"out": str(out), "errors_file": str(errors_of(out)) if summary.errors else None}
        say_json({**counts, "charge": str(summary.charge), "currency": currency, **files, "seconds": round(seconds, 3)})
    else:
        say(f"{out}: {summary.rated:,} calls, {summary.charge:,f} {currency} in {seconds:.1f} s")
        if summary.errors:
            say(f"{errors_of(out)}: {summary.errors:,} calls could not be rated")
    if summary.errors:
        raise typer.Exit(BAD)


def _names(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    wrong = [text for text, (ours, _, theirs) in zip(given, pairs, strict=True) if not (ours and theirs)]
    if wrong:
        raise CannotDo(f"--column {wrong[0]!r} is not like started_at=begin", USAGE)
    return {ours: theirs for ours, _, theirs in pairs}


def _rows(prices: Path) -> list[Row]:
    try:
        return read_csv(prices.read_bytes())
    except OSError as error:
        raise CannotDo(f"{prices} cannot be read: {error.strerror}", USAGE) from error
    except BadRows as error:
        told = " ".join(wrong.detail for wrong in error.errors[:ERRORS_SHOWN])
        raise CannotDo(f"{prices} is no price list. {told}", USAGE) from error


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CannotDo(f"{name!r} is no time zone like Europe/Berlin", USAGE) from error


def add_to(app: typer.Typer) -> None:
    app.command("rate-records")(rate_records)
