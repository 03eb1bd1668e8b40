"""Passwords are kept as Argon2id makes them: slow to try out, with all that verifying needs in the text itself."""

from __future__ import annotations

import os
from functools import cache
from unicodedata import normalize

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

# What OWASP names first: 19 MiB, two rounds, one lane; about 50 ms. When they change, a password is hashed anew with
# its next use.
MEMORY_KIB, ROUNDS, LANES = 19_456, 2, 1
_SALT_BYTES, _HASH_BYTES = 16, 32
_BEGINNING = f"$argon2id$v=19$m={MEMORY_KIB},t={ROUNDS},p={LANES}$"


def hashed(password: str) -> str:
    salt = os.urandom(_SALT_BYTES)
    kdf = Argon2id(salt=salt, length=_HASH_BYTES, iterations=ROUNDS, lanes=LANES, memory_cost=MEMORY_KIB)
    return kdf.derive_phc_encoded(_bytes(password))


def matches(password: str, kept: str | None) -> bool:
    """Who has no password takes as long as who has another."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password), kept or _nobodys())
    except InvalidKey:
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    return not kept.startswith(_BEGINNING)


@cache
def _nobodys() -> str:
    return hashed(os.urandom(_SALT_BYTES).hex())


def _bytes(password: str) -> bytes:
    """The same however a keyboard composes its letters."""
    return normalize("NFKC", password).encode(errors="surrogatepass")
