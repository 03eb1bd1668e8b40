"""A file of calls goes through to be booked, portion by portion; what became of each call is in another file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl

from talktime.rating.files import CsvOut, Out, Progress, errors_of, first_line, in_turn, keep, out_at, scan, told_of
from talktime.rating.outcomes import BOOKED, Posted
from talktime.rating.post_columns import ADDED, ORGANIZATION, PostColumns, Read, post_columns, read

PIECE = 100_000
PORTION = 20_000
"""So many calls are one transaction, for which the calls in progress of the organization wait."""
Post = Callable[[str | None, pl.DataFrame], Posted]
"""Books calls of one organization, as the file calls it."""


class Share(NamedTuple):
    """What one payer pays."""

    calls: int = 0
    minutes: int = 0
    charge: Decimal = Decimal(0)


class Summary:
    def __init__(self) -> None:
        self.records = self.errors = 0
        self.outcomes: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.charge = self.shortfall = Decimal(0)
        self.payers: dict[str, Share] = {}

    def add(self, outcomes: pl.DataFrame, errors: int) -> None:
        self.records += outcomes.height + errors
        self.errors += errors
        self.outcomes.update(dict(outcomes["outcome"].value_counts().iter_rows()))
        booked = outcomes.filter(pl.col("outcome") == BOOKED)
        self.refused.update(dict(booked["reason"].drop_nulls().value_counts().iter_rows()))
        self.charge += Decimal(booked["charge"].sum())
        self.shortfall += Decimal(booked["shortfall"].sum())
        sums = [pl.len().cast(pl.Int64), pl.col("pool_minutes").sum(), pl.col("charge").sum()]
        for payer, *share in booked.drop_nulls("payer").group_by("payer").agg(*sums).iter_rows():
            before = self.payers.get(payer, Share())
            self.payers[payer] = Share(*(one + more for one, more in zip(before, share, strict=True)))


class Piece(NamedTuple):
    frame: pl.DataFrame
    line: int
    read: Read


def post_file(
    source: Path, out: Path, names: Mapping[str, str], post: Post, progress: Progress | None = None
) -> Summary:
    """What is booked stays so, whatever happens later; the other files are there when all of it is."""
    with told_of(source, out):
        return _post_file(source, out, names, post, progress)


def _post_file(source: Path, out: Path, names: Mapping[str, str], post: Post, progress: Progress | None) -> Summary:
    total = scan(source).select(pl.len()).collect().item() if progress else None
    summary = Summary()
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
        folder = Path(name)
        told, wrong = out_at(folder / out.name, folder), CsvOut(folder / "errors")
        # What became of a piece is written down while the next one is booked.
        with ThreadPoolExecutor(1) as aside:
            written: Future[None] | None = None
            for piece in pieces(source, names):
                posted = _booked(piece, post)
                summary.add(posted.outcomes, posted.errors.height)
                if written:
                    written.result()
                written = aside.submit(_tell, piece, posted, told, wrong)
                if progress:
                    progress(summary.records, total)
            if written:
                written.result()
        told.finish()
        keep(folder / "errors", errors_of(out), summary.errors > 0)
        (folder / out.name).replace(out)
    return summary


def _tell(piece: Piece, posted: Posted, told: Out, wrong: Out) -> None:
    told.add(_beside(piece, posted.outcomes))
    wrong.add(posted.errors)


def pieces(source: Path, names: Mapping[str, str]) -> Iterator[Piece]:
    """At least one, so that there are columns, too, where there are no calls."""
    calls = scan(source)
    schema = calls.collect_schema()
    columns, line = post_columns(schema, names), first_line(source)
    none = True
    batches = calls.collect_batches(chunk_size=PIECE, maintain_order=True)
    for piece in in_turn(partial(_piece, columns=columns), batches, line):
        yield piece
        none = False
    if none:
        yield _piece(schema.to_frame(), line, columns)


def _piece(frame: pl.DataFrame, line: int, columns: PostColumns) -> Piece:
    return Piece(frame, line, read(frame, line, columns))


def _booked(piece: Piece, post: Post) -> Posted:
    done: list[Posted] = []
    for mine in piece.read.calls.partition_by(ORGANIZATION, maintain_order=True):
        done += [post(mine[ORGANIZATION][0], portion) for portion in mine.iter_slices(PORTION)]
    outcomes = pl.concat([NOTHING, *(one.outcomes for one in done)], how="diagonal_relaxed")
    errors = pl.concat([piece.read.errors, *(one.errors for one in done)]).sort("line")
    return Posted(outcomes.sort("line"), errors)


def _beside(piece: Piece, outcomes: pl.DataFrame) -> pl.DataFrame:
    calls = piece.frame.select(pl.all().gather(outcomes["line"] - piece.line))
    return calls.hstack(outcomes.select(ADDED))


_AMOUNT = pl.Decimal(38, 6)
NOTHING = pl.DataFrame(
    schema={
        "line": pl.Int64,
        **dict.fromkeys(("outcome", "reason", "payer"), pl.String),
        "pool_minutes": pl.Int64,
        **dict.fromkeys(("destination", "prefix"), pl.String),
        "billed_seconds": pl.Int64,
        **dict.fromkeys(("connection_fee", "charge", "shortfall"), _AMOUNT),
    }
)
