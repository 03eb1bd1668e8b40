"""Files of calls, read and written piece by piece: however long they are, a few pieces are in memory."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Protocol, TypeVar

import polars as pl
from polars.exceptions import PolarsError

from talktime.rating.calls import Rated, rate
from talktime.rating.columns import CannotRate, columns_of
from talktime.rating.tariffs import Tariffs

PIECE = 100_000
WORKERS = 2
SUFFIXES = (".csv", ".parquet")
Progress = Callable[[int, int | None], None]
T = TypeVar("T")


class Summary(NamedTuple):
    records: int = 0
    rated: int = 0
    errors: int = 0
    charge: Decimal = Decimal(0)

    def with_(self, piece: Rated) -> Summary:
        rated = self.rated + piece.calls.height
        return Summary(self.records + piece.read, rated, self.errors + piece.errors.height, self.charge + piece.charged)


class Out(Protocol):
    def add(self, calls: pl.DataFrame) -> None: ...

    def finish(self) -> None: ...


class CsvOut:
    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, calls: pl.DataFrame) -> None:
        with self._path.open("ab") as file:
            calls.write_csv(file, include_header=file.tell() == 0)

    def finish(self) -> None:
        """It is as it shall be."""


class ParquetOut:
    """Pieces, and one file of them at the end."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path, self._folder, self._number = path, folder, 0
        folder.mkdir()

    def add(self, calls: pl.DataFrame) -> None:
        calls.write_parquet(self._folder / f"{self._number:08d}.parquet", compression="uncompressed")
        self._number += 1

    def finish(self) -> None:
        pl.scan_parquet(self._folder / "*.parquet").sink_parquet(self._path)


def rate_file(
    source: Path, out: Path, tariffs: Tariffs, names: dict[str, str], progress: Progress | None = None
) -> Summary:
    """Nothing is there under its name before all of it is."""
    with told_of(source, out):
        return _rate_file(source, out, tariffs, names, progress)


@contextmanager
def told_of(source: Path, out: Path) -> Iterator[None]:
    """What is wrong with the files is said in a sentence."""
    for path in (source, out):
        if path.suffix.lower() not in SUFFIXES:
            raise CannotRate(f"{path} ends neither in .csv nor in .parquet")
    if out.exists() and source.exists() and out.samefile(source):
        raise CannotRate("the calls would be written over")
    try:
        yield
    except PolarsError as error:
        raise CannotRate(f"{source} cannot be read: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise CannotRate(f"{error.filename or source}: {error.strerror or error}") from error


def _rate_file(source: Path, out: Path, tariffs: Tariffs, names: dict[str, str], progress: Progress | None) -> Summary:
    total = scan(source).select(pl.len()).collect().item() if progress else None
    summary = Summary()
    with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
        folder = Path(name)
        rated, errors = out_at(folder / out.name, folder), CsvOut(folder / "errors")
        for piece in rated_pieces(source, tariffs, names):
            rated.add(piece.calls)
            errors.add(piece.errors)
            summary = summary.with_(piece)
            if progress:
                progress(summary.records, total)
        rated.finish()
        keep(folder / "errors", errors_of(out), summary.errors > 0)
        (folder / out.name).replace(out)
    return summary


def rated_pieces(source: Path, tariffs: Tariffs, names: dict[str, str]) -> Iterator[Rated]:
    """At least one, so that there are columns, too, where there are no calls."""
    calls = scan(source)
    schema = calls.collect_schema()
    columns = columns_of(schema, names)
    line = first_line(source)
    work = partial(rate, columns=columns, tariffs=tariffs)
    none = True
    for piece in in_turn(work, calls.collect_batches(chunk_size=PIECE, maintain_order=True), line):
        yield piece
        none = False
    if none:
        yield work(schema.to_frame(), line)


def first_line(source: Path) -> int:
    """The header of a CSV file is line 1."""
    return 2 if source.suffix.lower() == ".csv" else 1


def errors_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.errors.csv")


def out_at(path: Path, folder: Path) -> Out:
    return CsvOut(path) if path.suffix.lower() == ".csv" else ParquetOut(path, folder / "pieces")


def keep(made: Path, path: Path, wanted: bool) -> None:
    """Also an older one goes: it would tell of errors that are no more."""
    if wanted:
        made.replace(path)
    else:
        path.unlink(missing_ok=True)


def in_turn(work: Callable[[pl.DataFrame, int], T], pieces: Iterable[pl.DataFrame], line: int) -> Iterator[T]:
    """In their order, with a few ahead of the one that is written. `line`: that of the first call."""
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(WORKERS) as pool:
        for piece in pieces:
            waiting.append(pool.submit(work, piece, line))
            line += piece.height
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def scan(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise CannotRate(f"{path} is no file")
    if path.suffix.lower() == ".parquet":
        return pl.scan_parquet(path, glob=False)
    # As text, so that what is not for us comes out as it went in.
    return pl.scan_csv(path, schema=dict.fromkeys(_header(path), pl.String), glob=False)


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file, strict=True), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise CannotRate(f"the first line of {path} cannot be read: {error}") from error
    if not names:
        raise CannotRate(f"{path} is empty")
    if len(set(names)) < len(names):
        raise CannotRate(f"{path} has two columns of one name")
    return names
