"""Another secret key: what the old one has sealed is sealed anew, beside running servers that know both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from talktime.storage import sealed_store
from talktime.storage.database import EVERYBODY, Database
from talktime.storage.sealed_store import SEALED, Sealed, Secret
from talktime.storage.vault import Vault, VaultError, place_of

ROWS_MAX = 500


@dataclass
class Rotated:
    anew: int = 0
    already: int = 0
    unreadable: int = 0
    """Sealed with a key that is not there any more."""


def rotate(database: Database, vault: Vault, tell: Callable[[int], None] = lambda done: None) -> Rotated:
    """Whoever is interrupted begins again: what is done is left as it is."""
    told = Rotated()
    for what in SEALED:
        after = (-1, "")
        while found := database.read(EVERYBODY, sealed_store.some, what, after, ROWS_MAX):
            for secret in found:
                _seal_anew(database, vault, what, secret, told)
            after = (found[-1].org_id, found[-1].name)
            tell(len(found))
    return told


def _seal_anew(database: Database, vault: Vault, what: Sealed, secret: Secret, told: Rotated) -> None:
    names = (secret.name,) if what.name is not None else ()
    place = place_of(what.kind, secret.org_id, *names)
    if vault.is_sealed_anew(secret.sealed, place):
        told.already += 1
        return
    try:
        sealed = vault.seal(vault.open(secret.sealed, place), place)
    except VaultError:
        told.unreadable += 1
        return
    # Whoever has changed it meanwhile has sealed it with the new key.
    database.write(secret.org_id, sealed_store.put, what, secret, sealed)
    told.anew += 1
