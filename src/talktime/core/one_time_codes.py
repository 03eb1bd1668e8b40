"""Codes that are good once: those of an authenticator app (RFC 6238), and those for the day on which it is lost."""

from __future__ import annotations

import hmac
from base64 import b32encode
from hmac import compare_digest
from urllib.parse import quote

from talktime.core.time import SECOND

STEP, DIGITS, WINDOW = 30 * SECOND, 6, 1
SECRET_BYTES = 20
RECOVERY_CODES, RECOVERY_GROUPS, RECOVERY_GROUP = 10, 3, 4
RECOVERY_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"
"""None that could be read as another."""


def code_at(secret: bytes, step: int) -> str:
    digest = hmac.digest(secret, step.to_bytes(8), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4]) & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(code: str, secret: bytes, now: int, after: int) -> int | None:
    """The half minute that it is of; None: it is not right, or of one that was used before. Clocks of telephones may be
    half a minute off."""
    present = now // STEP
    possible = range(max(present - WINDOW, after + 1), present + WINDOW + 1)
    return next((step for step in possible if compare_digest(code_at(secret, step), code)), None)


def plain(code: str) -> str:
    """However it was typed."""
    return "".join(sign for sign in code.casefold() if sign.isascii() and sign.isalnum())


def is_of_app(code: str) -> bool:
    return len(code) == DIGITS and code.isdigit()


def grouped(signs: str) -> str:
    """A recovery code as people read it."""
    return "-".join(signs[at : at + RECOVERY_GROUP] for at in range(0, len(signs), RECOVERY_GROUP))


def spelled(secret: bytes) -> str:
    """As it is typed into an app that has no camera."""
    return b32encode(secret).decode().rstrip("=")


def link_of(secret: bytes, issuer: str, account: str) -> str:
    """What the picture says to the app."""
    label = f"{quote(issuer, safe='')}:{quote(account, safe='@')}"
    return f"otpauth://totp/{label}?secret={spelled(secret)}&issuer={quote(issuer, safe='')}"
