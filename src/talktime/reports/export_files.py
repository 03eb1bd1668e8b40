"""The file of an export: tables of calls and what was asked for, packed while they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
from msgspec import Struct

from talktime.core.time import moment
from talktime.reports import usage
from talktime.reports.csv_files import (
    OWN_CARRIER_HEADER,
    USAGE_HEADER,
    own_carrier_cells,
    usage_cells,
    write_csv,
)
from talktime.reports.usage import UsageRow, Wanted
from talktime.reports.usage_lines import UsageLine, usage_line
from talktime.storage.database import ReadTx

PORTION = 100
PARQUET = "parquet"
Progress = Callable[[int, int], None]
"""Is told how many rows are written, and of how many; it may raise."""


class Asked(Struct, frozen=True):
    """`digits`: how many of the other party's are hidden. `now`: by the organization's clock."""

    org_id: int
    begin: int
    end: int
    format: str
    own_carrier: bool
    digits: int
    now: int

    @property
    def date(self) -> str:
        return f"{moment(self.now):%Y-%m-%d}"

    def wanted(self, own_carrier: bool) -> Wanted:
        return Wanted(own_carrier=own_carrier, begin=self.begin, end=self.end)


@dataclass(slots=True)
class ExportFile:
    """One run through the rows, from one snapshot."""

    tx: ReadTx
    asked: Asked
    progress: Progress
    total: int = 0
    done: int = 0
    capabilities: set[str] = field(default_factory=set)

    def write(self, path: Path) -> None:
        pstn, own_carrier = self._counts()
        self.total = pstn + own_carrier
        with ZipFile(path, "w", ZIP_DEFLATED) as archive:
            self._add_usage(archive, path)
            if own_carrier:
                with self._member(archive, f"DirectRouting.calls.{self.asked.date}.csv") as file:
                    write_csv(file, OWN_CARRIER_HEADER, self._lines(own_carrier=True), own_carrier_cells)
            archive.writestr("parameters.json", self._parameters(pstn, own_carrier))

    def _counts(self) -> tuple[int, int]:
        kinds = (False, True) if self.asked.own_carrier else (False,)
        found = [usage.count(self.tx, self.asked.org_id, self.asked.wanted(kind)) for kind in kinds]
        return found[0], sum(found[1:])

    def _add_usage(self, archive: ZipFile, path: Path) -> None:
        name = f"PSTN.calls.{self.asked.date}.{self.asked.format}"
        if self.asked.format == PARQUET:
            # Loaded by who needs it: the library is large.
            from talktime.reports.parquet_files import add_parquet

            add_parquet(archive, name, self._lines(own_carrier=False), path.parent)
            return
        with self._member(archive, name) as file:
            write_csv(file, USAGE_HEADER, self._lines(own_carrier=False), usage_cells)

    def _member(self, archive: ZipFile, name: str) -> BinaryIO:
        # How large it becomes is not known when it is begun.
        return cast(BinaryIO, archive.open(name, "w", force_zip64=True))

    def _lines(self, *, own_carrier: bool) -> Iterator[UsageLine]:
        wanted = self.asked.wanted(own_carrier)
        with closing(usage.stream(self.tx, self.asked.org_id, wanted)) as rows:
            for row in rows:
                yield self._told(row)
        self.progress(self.done, self.total)

    def _told(self, row: UsageRow) -> UsageLine:
        if self.done % PORTION == 0:
            self.progress(self.done, self.total)
        self.done += 1
        self.capabilities.add(row.capability)
        return usage_line(row, self.asked.digits)

    def _parameters(self, pstn: int, own_carrier: int) -> bytes:
        asked = self.asked
        told = {
            "from": moment(asked.begin),
            "to": moment(asked.end),
            "format": asked.format,
            "generated_at": moment(asked.now),
            "capabilities": sorted(self.capabilities - {""}),
            "rows": {"pstn": pstn, "own_carrier": own_carrier if asked.own_carrier else None},
        }
        return msgspec.json.format(msgspec.json.encode(told), indent=2)
