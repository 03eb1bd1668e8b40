"""What so many calls need, from what was measured: each line with its arithmetic, and on what it rests."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from talktime.capacity.callers import REQUESTS_A_CALL
from talktime.capacity.found import Measured
from talktime.core.organizations import SLICE_SECONDS

BUSY = 0.5
"""Of a core and of a machine: the rest is for the bad minute, and for those that take over from one that fails."""
RULES = 1.4
"""In `make bench` a call costs 345 us with pools and the fraud guard counting everything, 250 without (S12)."""
CORES = 16
"""Of a machine for the database."""
PLAIN_MAX = 1_000
"""Calls a second: beyond it one PostgreSQL would be written to by more than anybody has tried with us."""
CITUS = 3
"""In a trial a command cost 0.09 to 0.12 ms on Citus where it cost 0.037 on PostgreSQL."""
WORKERS_LEAST = 4
SHARDS_A_WORKER = 16
STANDBYS = 2
CELL_MAX = 12_500
"""Calls a second in one cluster: eight cells carry 100,000."""
EARLY_SECONDS = SLICE_SECONDS // 5
"""A switch asks for more so long before its grant ends."""
POOL = 16
"""Connections of a process for people and clocks, beside one for each lane."""
BUSY_HOURS, DAYS = 8, 30
"""A day has as many calls as so many hours at the peak."""
GB, MB = 10**9, 10**6


class Basis(StrEnum):
    MEASURED = "measured"
    EXTRAPOLATED = "extrapolated"
    """From what one process did on this machine to more than it could do."""
    ASSUMED = "assumed"


class Need(NamedTuple):
    what: str
    value: float
    unit: str
    arithmetic: str
    basis: Basis


def needs(measured: Measured, calls_per_second: int, call_seconds: int) -> list[Need]:
    return [*Asked(measured, calls_per_second, call_seconds).lines()]


class Asked:
    def __init__(self, measured: Measured, calls_per_second: int, call_seconds: int) -> None:
        self._found, self._calls, self._lasts = measured, calls_per_second, call_seconds
        self._extends = max(ceil((call_seconds + EARLY_SECONDS) / SLICE_SECONDS) - 1, 0)
        self._requests = REQUESTS_A_CALL + self._extends
        self._heavier = self._requests / REQUESTS_A_CALL
        """A call with extends costs as much more as it asks more."""
        within = calls_per_second <= measured.calls_per_second
        self._basis = Basis.MEASURED if within else Basis.EXTRAPOLATED

    def lines(self) -> Iterator[Need]:
        yield from self._load()
        yield from self._servers()
        yield from self._databases()
        yield from self._commits()
        yield from self._disk()
        yield from self._network()
        yield from self._memory()

    def _load(self) -> Iterator[Need]:
        rate = self._calls * self._requests
        told = f"{self._calls:,} calls x ({REQUESTS_A_CALL} + {self._extends} extends)"
        yield Need("requests", rate, "a second", told, Basis.MEASURED)
        told = f"{self._calls:,} calls a second x {self._lasts:,} s"
        yield Need("calls in progress", self._calls * self._lasts, "", told, Basis.MEASURED)

    # ---------------------------------------------------------------- machines

    @property
    def is_embedded(self) -> bool:
        """SQLite is enough: one process, and the database in it."""
        return (
            self._found.database == "sqlite"
            and self._calls * self._heavier * RULES <= self._found.calls_per_second * BUSY
        )

    @property
    def server_cores(self) -> float:
        return self._calls * self._found.server_cpu * self._heavier * RULES

    @property
    def server_processes(self) -> int:
        return 1 if self.is_embedded else max(ceil(self.server_cores / BUSY), 2)

    def _servers(self) -> Iterator[Need]:
        each = self._found.server_cpu * self._heavier * 1e6
        told = f"{self._calls:,} calls x {each:,.0f} us of CPU each x {RULES} for pools and the fraud guard"
        yield Need("cores that the server computes on", self.server_cores, "", told, self._basis)
        least = "" if self.is_embedded else ", at least 2 so that one may fail"
        told = f"{self.server_cores:,.4f} cores / {BUSY:.0%} of a core for each process{least}"
        yield Need("server processes", self.server_processes, "", told, self._basis)

    @property
    def database_cores(self) -> float:
        found = self._found.database_cpu
        return self._calls * self._heavier * RULES * (self._found.server_cpu if found is None else found)

    @property
    def cells(self) -> int:
        return ceil(self._calls / CELL_MAX)

    @property
    def workers(self) -> int:
        """In all cells."""
        each = ceil(self.database_cores * CITUS / self.cells / BUSY / CORES)
        return self.cells * max(each, WORKERS_LEAST)

    @property
    def is_plain(self) -> bool:
        """One PostgreSQL is enough."""
        return self._calls <= PLAIN_MAX and self.database_cores / BUSY <= CORES

    def _databases(self) -> Iterator[Need]:
        if self.is_embedded:
            yield Need("database machines", 0, "", "SQLite is in the server process", self._basis)
            return
        yield self._database_cores()
        if self.is_plain:
            plain = self.database_cores / BUSY
            told = f"1 PostgreSQL + {STANDBYS} synchronous standbys: {plain:.4f} of {CORES} cores at {BUSY:.0%}"
            yield Need("database machines", 1 + STANDBYS, "", told, self._basis)
        else:
            yield from self._citus()
        told = (
            f"{self.server_processes:,} processes x ({self._found.lanes} lanes + at most {POOL} for people and clocks)"
        )
        connections = self.server_processes * (self._found.lanes + POOL)
        yield Need("database connections", connections, "at most", told, Basis.ASSUMED)

    def _database_cores(self) -> Need:
        found = self._found.database_cpu
        each = (self._found.server_cpu if found is None else found) * self._heavier * 1e6
        told = f"{self._calls:,} calls x {each:,.0f} us of CPU each x {RULES} for pools and the fraud guard"
        if found is None:
            told += ", as much as the server: measure on a PostgreSQL of this machine to know better"
        basis = Basis.ASSUMED if found is None else self._basis
        return Need("cores that the database computes on", self.database_cores, "", told, basis)

    def _citus(self) -> Iterator[Need]:
        told = f"{self._calls:,} calls / at most {CELL_MAX:,} in one"
        yield Need("cells", self.cells, "", told, Basis.ASSUMED)
        told = (
            f"{self.cells} cells x ({self.database_cores:,.4f} cores x {CITUS} for Citus / {self.cells} cells / "
            f"{BUSY:.0%} / {CORES} cores, at least {WORKERS_LEAST})"
        )
        yield Need("Citus workers", self.workers, "", told, Basis.ASSUMED)
        told = f"({self.workers} workers + {self.cells} coordinators) x (1 + {STANDBYS} standbys)"
        machines = (self.workers + self.cells) * (1 + STANDBYS)
        yield Need("database machines", machines, "", told, Basis.ASSUMED)
        told = f"{self.workers} workers x {SHARDS_A_WORKER}"
        yield Need("shards", self.workers * SHARDS_A_WORKER, "", told, Basis.ASSUMED)

    # ---------------------------------------------------------------- what they hold and move

    def _commits(self) -> Iterator[Need]:
        requests, together = self._calls * self._requests, self._found.commands_a_batch
        rate = requests / together
        told = f"{requests:,} requests / {together:.1f} in a batch, as under full load"
        yield Need("commits", rate, "a second", told, self._basis)
        # Of another database's disk nothing is known.
        embedded = self._found.database == "sqlite"
        told = f"{rate:,.3f} commits x {self._found.flush * 1e3:.3g} ms for the disk of --folder"
        basis = self._basis if embedded else Basis.ASSUMED
        yield Need("time that disks flush", rate * self._found.flush, "s in each second", told, basis)

    def _disk(self) -> Iterator[Need]:
        calls = self._calls * 3600 * BUSY_HOURS * DAYS
        told = f"{self._calls:,} x 3,600 s x {BUSY_HOURS} busy hours x {DAYS} days"
        yield Need("calls", calls, "a month", told, Basis.ASSUMED)
        told = f"{calls:,} calls x {self._found.stored_bytes:,.0f} bytes in tables and indexes"
        yield Need("disk", calls * self._found.stored_bytes / GB, "GB a month", told, self._basis)
        if logged := self._logged_bytes:
            told = f"{self._calls:,} calls x {logged:,.0f} bytes of write-ahead log"
            yield Need("log written", self._calls * logged / MB, "MB a second", told, self._basis)
            told = f"{calls:,} calls x {logged:,.0f} bytes, before it is compressed"
            yield Need("log archived", calls * logged / GB, "GB a month", told, self._basis)

    @property
    def _logged_bytes(self) -> float | None:
        """Of a call: each extend is written, too."""
        found = self._found.logged_bytes
        return None if found is None else found * self._heavier

    def _network(self) -> Iterator[Need]:
        asked, told_back = (each * self._heavier for each in (self._found.sent_bytes, self._found.received_bytes))
        for what, each in (("from switches", asked), ("to switches", told_back)):
            told = f"{self._calls:,} calls x {each:,.0f} bytes x 8, without TCP and TLS"
            yield Need(f"network {what}", self._calls * each * 8 / MB, "Mbit a second", told, self._basis)
        yield from self._network_of_databases()
        if logged := self._logged_bytes:
            told = f"{self._calls:,} calls x {logged:,.0f} bytes of log x 8 x {STANDBYS} standbys"
            rate = self._calls * logged * 8 * STANDBYS / MB
            yield Need("network to standbys", rate, "Mbit a second", told, self._basis)

    def _network_of_databases(self) -> Iterator[Need]:
        asked, told_back = self._found.asked_bytes, self._found.told_bytes
        if asked is None or told_back is None:
            return
        together = self._found.commands_a_batch
        for what, found in (("to databases", asked), ("from databases", told_back)):
            each = found * self._heavier
            told = f"{self._calls:,} calls x {each:,.0f} bytes x 8, with {together:.1f} commands in a batch"
            yield Need(f"network {what}", self._calls * each * 8 / MB, "Mbit a second", told, self._basis)
        if not self.is_plain:
            each = (asked + told_back) * self._heavier
            told = f"{self._calls:,} calls x {each:,.0f} bytes x 8: coordinators pass on what they ask and are told"
            rate = self._calls * each * 8 / MB
            yield Need("network within cells", rate, "Mbit a second, both ways", told, Basis.ASSUMED)

    def _memory(self) -> Iterator[Need]:
        calls = self._calls * self._lasts
        told = f"{calls:,} calls in progress x {self._found.open_bytes:,.0f} bytes, in the database's cache"
        yield Need("memory for calls in progress", calls * self._found.open_bytes / MB, "MB", told, self._basis)
        told = f"{self.server_processes:,} processes x {self._found.process_bytes / MB:,.0f} MB"
        memory = self.server_processes * self._found.process_bytes / MB
        yield Need("memory of server processes", memory, "MB", told, self._basis)
