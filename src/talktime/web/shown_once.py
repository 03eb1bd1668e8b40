"""An answer with a secret, kept for whoever lost it on the way: he asks again with the same Idempotency-Key and has it,
and nobody else can read it meanwhile."""

from __future__ import annotations

from base64 import b64decode, b64encode

import msgspec

from talktime.storage.vault import Vault, VaultError


def sealed(vault: Vault, field: str, place: str, answer: bytes) -> bytes:
    told = msgspec.json.decode(answer)
    return msgspec.json.encode(told | {field: b64encode(vault.seal(told[field], place)).decode()})


def opened(vault: Vault, field: str, place: str, answer: bytes) -> bytes:
    """Null in its place once the key that sealed it was replaced: such answers are not sealed anew."""
    told = msgspec.json.decode(answer)
    return msgspec.json.encode(told | {field: _opened(vault, told[field], place)})


def _opened(vault: Vault, secret: str, place: str) -> str | None:
    try:
        return vault.open(b64decode(secret), place)
    except VaultError:
        return None
