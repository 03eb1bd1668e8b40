"""Secrets that must be said again later are kept encrypted, bound to the row they stand in."""

from __future__ import annotations

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12


class VaultError(Exception):
    """The key is missing, malformed or another one."""


class Vault:
    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise VaultError(f"the secret key has {KEY_BYTES} bytes, written in base64")
        self._cipher = AESGCM(key)
        self._key = key

    def seal(self, secret: str, place: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()).decode()
        except InvalidTag as error:
            raise VaultError("a stored secret cannot be read with this secret key") from error

    def derived(self, purpose: str) -> bytes:
        """A key for something else, from which this one cannot be had."""
        return hmac.digest(self._key, purpose.encode(), "sha256")


def key_from(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.strip())
    except (Error, ValueError) as error:
        raise VaultError("the secret key is no base64") from error


def key_in(folder: Path) -> bytes:
    """The key of this installation, made when it is not there; readable by its owner only."""
    path = folder / "secret.key"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())
    except FileExistsError:
        pass
    return key_from(path.read_text())
