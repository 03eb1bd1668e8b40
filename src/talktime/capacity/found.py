"""What was measured, as values: what is needed and what is simulated follows from these alone."""

from __future__ import annotations

from dataclasses import dataclass

from talktime.capacity.queueing import Service


@dataclass(frozen=True, slots=True)
class Point:
    """Calls that began by chance, so many a second; the waiting of their authorizes."""

    calls_per_second: float
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Measured:
    machine: str
    date: str
    database: str
    lanes: int
    seconds: float
    others: float
    """Which part of the machine others used meanwhile."""
    flush: float
    """Seconds that the disk takes to keep a page."""
    calls_per_second: float
    """At most, by one server process."""
    commands_a_batch: float
    """Then."""
    server_cpu: float
    """Seconds of a server process for a call: authorized, answered, settled."""
    database_cpu: float | None
    """The same of the database. None: it is part of the server, or on another machine."""
    stored_bytes: float
    """By how much the database grows for a call."""
    logged_bytes: float | None
    """What its write-ahead log takes. None: it does not say."""
    sent_bytes: float
    received_bytes: float
    """By a switch for a call."""
    asked_bytes: float | None
    told_bytes: float | None
    """Between a server and its database for a call, at so many commands in a batch. None: it is part of the server."""
    open_bytes: float
    """Of a call in progress in the database."""
    process_bytes: int
    """Memory of a server process."""
    service: Service
    """Of the engine alone."""
    loaded: Service
    """Within the server, while it is asked."""
    points: tuple[Point, ...]
