"""The list of phones that sign in by a password: a line each, without the password itself."""

from __future__ import annotations

import hashlib
import re

from talktime.integrations.kamailio.edge import BadValue

HEADING = "name(str) organization(str) ha1(str) user(str)"
NAME = r"[A-Za-z0-9._+-]{1,64}"
"""What the configuration looks for in a phone's answer, and nothing else."""
ORGANIZATION = r"org_[A-Za-z0-9]{1,60}"
USER = r"[!-+\--~]{1,128}"
"""Anything that is seen, but no comma: it ends a field."""


def with_phone(text: str, name: str, organization: str, user: str, password: str, realm: str) -> str:
    """The list with this phone, once."""
    _check(name, NAME, "name: letters, digits, dots, dashes")
    _check(organization, ORGANIZATION, "organization: its id begins with org_")
    _check(user, USER, "user: a number, a sign-in name or an id")
    kept = [line for line in text.splitlines()[1:] if line and not line.startswith(f"{name},")]
    return "\n".join([HEADING, *kept, f"{name},{organization},{ha1(name, realm, password)},{user}", ""])


def ha1(name: str, realm: str, password: str) -> str:
    """As SIP's digest authentication has it; the algorithm is not ours to choose."""
    return hashlib.md5(f"{name}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


def _check(text: str, pattern: str, sentence: str) -> None:
    if re.fullmatch(pattern, text) is None:
        raise BadValue(f"{sentence}, not {text[:200]!r}")
