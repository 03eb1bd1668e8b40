"""`talktime rate-records`: what calls of a file cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from talktime.cli.options import BAD, USAGE, CannotDo, Data, Json, Url, progress_bar, say, say_json, settings_of
from talktime.core.money import is_currency
from talktime.core.price_files import BadRows, read_csv

if TYPE_CHECKING:
    from talktime.core.prices import Row

ERRORS_SHOWN = 5


def rate_records(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The calls: a .csv or .parquet file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The calls with their prices: .csv or .parquet.")],
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", help="The price list, as for `rates import`.")
    ] = None,
    charge_decimals: Annotated[int, typer.Option(min=0, max=6, help="To how many decimals a charge is rounded.")] = 4,
    currency: Annotated[str, typer.Option(help="Three letters: that of the price list.")] = "USD",
    time_zone: Annotated[str, typer.Option(help="Where the hours of the price list count.")] = "UTC",
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="How the file calls a column; several times.", show_default=False),
    ] = None,
    post: Annotated[bool, typer.Option("--post", help="Also book them, each once.")] = False,
    org: Annotated[
        str | None,
        typer.Option(metavar="ORG", help="With --post: whose calls they are.", show_default=False),
    ] = None,
    data: Data = None,
    database: Url = None,
    as_json: Json = False,
) -> None:
    """Rate the calls of a file by a price list, exactly as they are rated while they are made.

    Columns: call_id, call_type, to, started_at (with an offset) and duration_seconds or duration_ms. OUT has all
    columns of IN, and destination, prefix, billed_seconds, connection_fee and charge. What cannot be rated is not
    in OUT but, line by line, in OUT.errors.csv.

    With --post they are booked as finished calls that nobody authorized, by the organization's own prices unless
    --prices says others. A column `user` is needed, `from`, `conference_id` and `organization` may be there. What was
    booked before is not booked again: a run that was killed is simply started anew.

    Exit code 0: all were rated; 1: some were not; 2: nothing was written.
    """
    from talktime.rating.columns import CannotRate
    from talktime.rating.files import errors_of, rate_file
    from talktime.rating.tariffs import Tariffs

    if post:
        from talktime.cli.posting import post_records

        rows = read_prices(prices) if prices else None
        post_records(source, out, names_of(column), rows, charge_decimals, org, settings_of(data, database), as_json)
        return
    if prices is None:
        raise CannotDo("say with --prices by which price list, or --post to book by that of the organization", USAGE)
    if not is_currency(currency):
        raise CannotDo(f"{currency!r} is no currency of three letters", USAGE)
    names, rows, began = names_of(column), read_prices(prices), time.monotonic()
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


def names_of(column: list[str] | None) -> dict[str, str]:
    given = column or []
    pairs = [text.partition("=") for text in given]
    wrong = [text for text, (ours, _, theirs) in zip(given, pairs, strict=True) if not (ours and theirs)]
    if wrong:
        raise CannotDo(f"--column {wrong[0]!r} is not like started_at=begin", USAGE)
    return {ours: theirs for ours, _, theirs in pairs}


def read_prices(prices: Path) -> list[Row]:
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
