"""What became of something that was sent to somebody else's server."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Fate(StrEnum):
    SENT = "sent"
    REFUSED = "refused"
    """For ever: asking again would not help."""
    AGAIN = "again"


class Outcome(Struct, frozen=True):
    fate: Fate
    status: int | None = None
    """The other server's own code, if it gave one."""
    error: str | None = None
    left: tuple[str, ...] = ()
    """Recipients it did not reach yet, when it reached others."""


ERROR_LENGTH_MAX = 500


def failed(fate: Fate, error: object, status: int | None = None) -> Outcome:
    """What others say is cut: it is kept and shown."""
    words = str(error) or type(error).__name__
    return Outcome(fate, status, " ".join(words.split())[:ERROR_LENGTH_MAX])
