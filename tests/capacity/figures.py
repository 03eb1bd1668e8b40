"""Round figures, as if measured."""

from __future__ import annotations

from talktime.capacity.found import Measured, Point
from talktime.capacity.queueing import Service, Waits

SERVICE = Service(0.0001, 0.0005, 0.00005, (Waits(1, (0.001, 0.002)), Waits(256, (0.004, 0.008))))
POSTGRESQL = Measured(
    machine="2 cores",
    date="2026-11-22",
    database="postgresql",
    lanes=2,
    seconds=60,
    others=0.01,
    flush=0.001,
    calls_per_second=1_000,
    commands_a_batch=30,
    server_cpu=0.0005,
    database_cpu=0.0004,
    stored_bytes=2_000,
    logged_bytes=6_000,
    sent_bytes=1_000,
    received_bytes=1_500,
    asked_bytes=3_000,
    told_bytes=600,
    open_bytes=900,
    process_bytes=100_000_000,
    service=SERVICE,
    loaded=SERVICE,
    points=(Point(250, 0.004, 0.01), Point(500, 0.005, 0.02)),
)
