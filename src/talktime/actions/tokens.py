"""Secrets that people carry, in a cookie or a link: they say whose they are, so that no look-up starts without an
organization. Only their digests are kept."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest

from msgspec import Struct

from talktime.core.ids import uuid7

_FORM = re.compile(r"(0|[1-9a-f][0-9a-f]{0,14})-([0-9a-f]{32})-([A-Za-z0-9_-]{43})")


class Token(Struct, frozen=True):
    org_id: int
    tail: str
    """Of the id of the row that is looked for."""
    secret: str

    @property
    def text(self) -> str:
        return f"{self.org_id:x}-{self.tail}-{self.secret}"

    @property
    def digest(self) -> str:
        """The secret is 256 random bits: a fast digest is enough, nothing can be guessed."""
        return sha256(self.secret.encode()).hexdigest()

    def fits(self, digest: str) -> bool:
        return compare_digest(self.digest, digest)


def made(org_id: int, now: int) -> Token:
    return renewed(org_id, tail_of(now))


def renewed(org_id: int, tail: str) -> Token:
    """Another secret for what is there already."""
    return Token(org_id, tail, secrets.token_urlsafe(32))


def derived(key: bytes, org_id: int, tail: str) -> Token:
    """Always the same one: for a link in a letter, which is made when the letter is sent and stands nowhere."""
    secret = hmac.digest(key, f"{org_id:x}-{tail}".encode(), "sha256")
    return Token(org_id, tail, urlsafe_b64encode(secret).decode().rstrip("="))


def tail_of(now: int) -> str:
    return uuid7(now, secrets.randbits(74))


def read(text: str) -> Token | None:
    """None for what is no token, whoever may have sent it."""
    found = _FORM.fullmatch(text)
    return Token(int(found[1], 16), found[2], found[3]) if found else None
