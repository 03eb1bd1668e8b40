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
KEY_FILE = "secret.key"
ID_LENGTH = 16
_NONCE_BYTES = 12


class VaultError(Exception):
    """The key is missing, malformed or another one."""


class Vault:
    """While a key is replaced there are several, the newest first: that one seals, each of them opens."""

    def __init__(self, *keys: bytes) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise VaultError(f"the secret key has {KEY_BYTES} bytes, written in base64")
        self._ciphers = [AESGCM(key) for key in keys]
        self.ids = tuple(hmac.digest(key, b"id", "sha256").hex()[:ID_LENGTH] for key in keys)
        """By which a key can be named, and from which it cannot be had."""
        # What was made from a key (links in letters, digests of recovery codes) is good as long as that key is kept.
        self._root = keys[-1]

    @property
    def is_being_replaced(self) -> bool:
        """Not yet while all only learn to read with the new one: then the old one is the first and the last."""
        return self.ids[0] != self.ids[-1]

    def seal(self, secret: str, place: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        for cipher in self._ciphers:
            if (secret := _opened(cipher, sealed, place)) is not None:
                return secret
        raise VaultError("a stored secret cannot be read with this secret key")

    def is_sealed_anew(self, sealed: bytes, place: str) -> bool:
        return _opened(self._ciphers[0], sealed, place) is not None

    def derived(self, purpose: str) -> bytes:
        """A key for something else, from which this one cannot be had."""
        return hmac.digest(self._root, purpose.encode(), "sha256")


def _opened(cipher: AESGCM, sealed: bytes, place: str) -> str | None:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()).decode()
    except InvalidTag:
        return None


def place_of(kind: str, org_id: int, *names: str) -> str:
    """Where a secret stands: sealed for one place it cannot be read at another."""
    return ":".join((kind, str(org_id), *names))


def new_key() -> str:
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def keys_from(text: str) -> list[bytes]:
    """The newest first, with commas or line ends between them."""
    try:
        return [urlsafe_b64decode(one) for one in text.replace(",", " ").split()]
    except (Error, ValueError) as error:
        raise VaultError("the secret key is no base64") from error


def keys_in(folder: Path) -> list[bytes]:
    """The key of this installation, made when it is not there; readable by its owner only."""
    path = folder / KEY_FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(new_key())
    except FileExistsError:
        pass
    return keys_from(path.read_text())


def add_key(folder: Path) -> list[bytes]:
    """A new key before those that there are: whole or not at all."""
    keys_in(folder)
    path = folder / KEY_FILE
    unfinished = path.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join([new_key(), *path.read_text().split()]))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    return keys_in(folder)
