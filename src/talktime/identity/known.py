"""What both sides of a sign-in know."""

from __future__ import annotations

from msgspec import Struct


class Client(Struct, frozen=True):
    """How the other server knows us."""

    issuer: str
    client_id: str
    secret: str | None
    redirect_uri: str


class Begun(Struct, frozen=True):
    """What is remembered until the person is back."""

    state: str
    """Whose answer it is."""
    nonce: str
    """Whose token it is."""
    verifier: str
    """Whose code it is."""
