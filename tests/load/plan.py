"""How much is asked for, and what must hold of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    calls: int = 10_000
    """In progress, all the time."""
    every_seconds: float = 30.0
    """Each is extended so often."""
    starts_per_second: float = 50.0
    """And as many ends."""
    seconds: float = 300.0
    organizations: int = 50
    connections: int = 100
    money: str = "100000"
    """Of each organization."""

    @property
    def extends_per_second(self) -> float:
        return self.calls / self.every_seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    p99_ms: float = 50.0
    memory_mib: float = 512.0
    """Of all processes of the server together."""
