"""What an organization's own server says about somebody who wants to sign in."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

FACTORS = frozenset({"otp", "hwk", "swk", "sc", "sms", "tel", "fpt", "face", "iris", "retina", "vbm"})
"""What somebody has or is, as RFC 8176 names it."""
KNOWLEDGE = frozenset({"pwd", "pin", "kba"})


class Person(Struct, frozen=True):
    issuer: str
    subject: str
    """The server's own name of him, which stays when everything else changes."""
    email: str
    """Empty unless the server has verified it."""
    methods: tuple[str, ...] = ()
    """How he has proved who he is."""
    proved_at: int | None = None

    @property
    def pin(self) -> str:
        """Two servers may mean two people by one name."""
        return f"{self.issuer} {self.subject}"


class Unknown(Struct, frozen=True):
    """Nobody signs in. `code` is what is told, `detail` what the log keeps."""

    code: str
    detail: str = ""


def issuer_of(pin: str) -> str:
    return pin.partition(" ")[0]


def proves_two(methods: Collection[str]) -> bool:
    """Whether the other server has asked for a second factor."""
    return "mfa" in methods or (not KNOWLEDGE.isdisjoint(methods) and not FACTORS.isdisjoint(methods))
