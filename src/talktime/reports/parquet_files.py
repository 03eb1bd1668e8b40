"""The usage table of an export as Parquet: the same columns with types, a piece at a time in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_STORED, ZipFile

import polars as pl

from talktime.reports.csv_files import USAGE_HEADER
from talktime.reports.usage_lines import UsageLine

PIECE = 20_000
_FIELDS = UsageLine.__struct_fields__[: len(USAGE_HEADER)]
_NUMBERS = ("started_at", "ended_at", "duration_seconds", "connection_fee", "charge")
_SCHEMA = {name: pl.Int64 if name in _NUMBERS else pl.String for name in _FIELDS}
_A_MICRO = pl.lit(Decimal("0.000001"), pl.Decimal(38, 6))


def add_parquet(archive: ZipFile, name: str, lines: Iterable[UsageLine], folder: Path) -> None:
    """It is compressed inside, so the archive only holds it."""
    with TemporaryDirectory(dir=folder, prefix=".pieces-") as scratch:
        pieces, whole = Path(scratch, "pieces"), Path(scratch, "whole.parquet")
        pieces.mkdir()
        for number, piece in enumerate(_pieces(lines)):
            _typed(piece).write_parquet(pieces / f"{number:08d}.parquet", compression="uncompressed")
        pl.scan_parquet(pieces / "*.parquet").sink_parquet(whole, row_group_size=PIECE, maintain_order=True)
        archive.write(whole, name, ZIP_STORED)


def _pieces(lines: Iterable[UsageLine]) -> Iterator[list[UsageLine]]:
    """At least one, so that there are columns, too, where there are no calls."""
    rest = iter(lines)
    yield list(islice(rest, PIECE))
    while piece := list(islice(rest, PIECE)):
        yield piece


def _typed(piece: list[UsageLine]) -> pl.DataFrame:
    columns = {name: [getattr(line, name) for line in piece] for name in _FIELDS}
    table = pl.DataFrame(columns, schema=_SCHEMA)
    return table.with_columns(
        pl.col("started_at", "ended_at").cast(pl.Datetime("us", "UTC")),
        # Whole micros become decimals with six places, exactly.
        pl.col("connection_fee", "charge").cast(pl.Decimal(38, 0)) * _A_MICRO,
    ).rename(dict(zip(_FIELDS, USAGE_HEADER, strict=True)))
