"""An organization moves to another installation, as a file: closed here and written down; see `arriving`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from talktime.actions.organizations import CLOSED, found
from talktime.core.ids import org_name
from talktime.core.licence_terms import Licence
from talktime.storage import knowledge_store, move_store, schema, sealed_store, user_store
from talktime.storage.database import Database, ReadTx
from talktime.storage.move_file import FORMAT, Head, Manifest, Portions, try_out, write
from talktime.storage.seal_store import Gap
from talktime.storage.sealed_store import SEALED, Sealed, Secret
from talktime.storage.vault import Vault, VaultError, place_of

Tell = Callable[[int, int], None]
NAMES = {"inbox_work": "messages of providers", "deliveries": "mails and webhooks", "seals": "rows without a seal"}


class CannotMove(Exception):
    """The message says why, and what to do."""


def make_sure(database: Database, vault: Vault, org_id: int, path: Path) -> None:
    """Before the organization is closed: the file can be written, and its secrets are sealed with this key."""
    try_out(path)
    database.read(org_id, _must_open_secrets, vault, org_id)


def _must_open_secrets(tx: ReadTx, vault: Vault, org_id: int) -> None:
    try:
        for what in SEALED:
            for secret in sealed_store.of_organization(tx, what, org_id):
                vault.open(secret.sealed, _place_of(what, secret))
    except VaultError as error:
        raise CannotMove(
            f"the secrets of {org_name(org_id)} are sealed with another key than the one that is set here: "
            "call this with the TALKTIME_SECRET_KEY of its servers"
        ) from error


def _place_of(what: Sealed, secret: Secret) -> str:
    return place_of(what.kind, secret.org_id, *(() if what.name is None else (secret.name,)))


def export(database: Database, vault: Vault, org_id: int, path: Path, tell: Tell) -> Manifest:
    """All that is kept of a closed organization, of one instant."""
    return database.read(org_id, _export, vault, org_id, path, tell)


def _export(tx: ReadTx, vault: Vault, org_id: int, path: Path, tell: Tell) -> Manifest:
    _must_stand_still(tx, org_id)
    used = meanings(tx, [owned.code for owned in user_store.owned(tx, org_id)])
    head = Head(FORMAT, schema.NEWEST, org_id, vault.ids, used)
    return write(path, head, move_store.TABLES, _told(move_store.portions(tx, org_id), tell))


def meanings(tx: ReadTx, codes: Iterable[str]) -> dict[str, str]:
    """A digest of what each enables and brings here; what it is called does not matter."""
    catalogue = knowledge_store.catalogue(tx)
    return {code: _digest(catalogue.meant_by(code)) for code in codes}


def _digest(licences: Sequence[Licence]) -> str:
    nameless = [replace(licence, name="") for licence in licences]
    return sha256(msgspec.json.encode(nameless, order="deterministic")).hexdigest()


def _told(portions: Portions, tell: Tell) -> Portions:
    names = [*move_store.TABLES]
    for name, rows in portions:
        yield name, rows
        tell(names.index(name) + 1, len(names))


def _must_stand_still(tx: ReadTx, org_id: int) -> None:
    """What is on its way would happen in both places."""
    if found(tx, org_id).state != CLOSED:
        raise CannotMove(f"{org_name(org_id)} is open")
    if left := _under_way(tx, org_id):
        said = ", ".join(f"{count} {NAMES.get(name, name)}" for name, count in left.items())
        raise CannotMove(
            f"{org_name(org_id)} is closed, and something is still under way: {said}. "
            "Leave the servers running until that has ended, and call this again"
        )


def _under_way(tx: ReadTx, org_id: int) -> Mapping[str, int]:
    try:
        return move_store.under_way(tx, org_id)
    except Gap as gap:
        raise CannotMove(
            f"{gap}, so that no seal will ever cover them, and it cannot be moved: `talktime verify` says what is "
            f"damaged; until that is mended `talktime org open {org_name(org_id)} --yes` opens it here again"
        ) from gap
