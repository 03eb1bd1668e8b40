"""Ids are UUIDv7, made from what is given: the same cause at the same instant has the same id."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

_VERSION = 7 << 76
_VARIANT = 0b10 << 62
_FREE = ~(0xF << 76 | 0b11 << 62)


def uuid7(at: int, tail: int) -> str:
    """32 hexadecimal digits: the millisecond of `at` (microseconds), then 74 bits of `tail`. 1970 is the first."""
    spread = (tail >> 62 & 0xFFF) << 64 | tail & (1 << 62) - 1
    return f"{(max(at, 0) // 1000 & (1 << 48) - 1) << 80 | spread & _FREE | _VERSION | _VARIANT:032x}"


def uuid7_of(at: int, cause: str) -> str:
    """The id of what follows from `cause`: no randomness, so that repeating a decision repeats its ids."""
    return uuid7(at, int.from_bytes(blake2b(cause.encode(), digest_size=10).digest()))


def uuid7s(ats: Iterable[int], cause: str) -> list[str]:
    """The ids of many rows that one cause brings: a number of theirs behind what the cause alone decides."""
    beginning = uuid7_of(0, cause)[12:24]
    return [f"{at // 1000 & (1 << 48) - 1:012x}{beginning}{number:08x}" for number, at in enumerate(ats)]


def entry_id(at: int, entry_no: int, cause: str) -> str:
    """Sorts like the number of the entry within its organization, whose instants never go back."""
    low = int.from_bytes(blake2b(cause.encode(), digest_size=4).digest())
    return uuid7(at, (entry_no & (1 << 42) - 1) << 32 | low)


def timed_id(at: int, now: int, cause: str) -> str:
    """Sorts by `at`, the organization's clock, and where that stands by `now`, the machine's."""
    low = int.from_bytes(blake2b(cause.encode(), digest_size=2).digest())
    return uuid7(at, (now & (1 << 58) - 1) << 16 | low)


CELL_BITS = 40
"""The high bits of an organization's number say in which cell it was made, the others count in it."""
CELL_MAX = (1 << 62 - CELL_BITS) - 1


def cell_begin(org_id: int) -> int:
    return org_id >> CELL_BITS << CELL_BITS


def org_name(org_id: int) -> str:
    return f"org_{org_id:x}"


def org_number(name: str) -> int | None:
    """None for what is no name of an organization, whether it exists or not."""
    try:
        number = int(name.removeprefix("org_"), 16) if name.startswith("org_") else 0
    except ValueError:
        return None
    return number if 0 < number < 1 << 62 and org_name(number) == name else None
