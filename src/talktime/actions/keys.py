"""Keys: made once, shown once, kept as a digest; revoked on the next request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_network
from threading import Lock

from msgspec import Struct

from talktime.actions import audit
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound
from talktime.core.ids import uuid7
from talktime.core.scopes import OPERATOR_ORG, Caller, Scope
from talktime.core.time import NEVER
from talktime.storage import control_store, key_store
from talktime.storage.database import EVERYBODY, Database, ReadTx, Tx
from talktime.storage.errors import StoreError
from talktime.storage.key_store import KeyRow
from talktime.storage.store import KEYS_REVISION


class MadeKey(Struct, frozen=True):
    key_id: str
    key: str
    """Shown now and never again."""
    scopes: tuple[Scope, ...]


def make_key(
    tx: Tx,
    org_id: int,
    mode: str,
    scopes: Sequence[Scope],
    now: int,
    by: str,
    *,
    addresses: Sequence[str] = (),
    expires_at: int | None = None,
) -> MadeKey:
    if expires_at is not None and expires_at <= now:
        raise Invalid("in_the_past", "expires_at")
    tail = uuid7(now, secrets.randbits(74))
    key_id, key = f"key_{tail}", f"tt_{mode}_{org_id:x}-{tail}-{secrets.token_urlsafe(32)}"
    networks = ",".join(network(address) for address in addresses)
    row = KeyRow(org_id, key_id, digest(key), ",".join(scopes), networks, expires_at, None, now, by)
    key_store.add(tx, row)
    return MadeKey(key_id, key, tuple(scopes))


def revoke_key(tx: Tx, org_id: int, key_id: str, now: int) -> None:
    if not key_store.revoke(tx, org_id, key_id, now):
        raise NotFound


def issue(
    tx: Tx,
    org_id: int,
    mode: str,
    scopes: Sequence[Scope],
    actor: Actor,
    addresses: Sequence[str],
    expires_at: int | None,
) -> MadeKey:
    """A key that somebody asked for, and the line of the audit log that says so."""
    made = make_key(tx, org_id, mode, scopes, actor.now, actor.by, addresses=addresses, expires_at=expires_at)
    told = {"scopes": list(made.scopes), "addresses": list(addresses), "expires_at": expires_at}
    audit.note(tx, org_id, actor, "key.created", made.key_id, None, told)
    return made


def withdraw(tx: Tx, org_id: int, key_id: str, actor: Actor) -> None:
    revoke_key(tx, org_id, key_id, actor.now)
    audit.note(tx, org_id, actor, "key.revoked", key_id)


def digest(key: str) -> str:
    """The key is 256 random bits: a fast digest is enough, nothing can be guessed."""
    return sha256(key.encode()).hexdigest()


def network(address: str) -> str:
    try:
        return str(ip_network(address))
    except ValueError as error:
        raise Invalid("invalid_address", "addresses", address=address) from error


def authenticate(tx: ReadTx, key: str) -> Caller | None:
    """The key says whose it is, so that no look-up starts without an organization."""
    parts = _parts(key)
    row = key_store.find(tx, *parts) if parts else None
    if row is None or row.revoked_at is not None or not compare_digest(row.digest, digest(key)):
        return None
    return _caller(row, key.split("_")[1])


def _caller(row: KeyRow, mode: str = "live") -> Caller:
    scopes = frozenset(Scope(one) for one in row.scopes.split(",") if one)
    addresses = tuple(one for one in row.addresses.split(",") if one)
    expires_at = NEVER if row.expires_at is None else row.expires_at
    return Caller(row.org_id, row.key_id, scopes, addresses, expires_at, mode)


def remembered(tx: ReadTx) -> dict[str, Caller]:
    """By the digest of the key."""
    return {row.digest: _caller(row) for row in key_store.valid(tx)}


def _parts(key: str) -> tuple[int, str] | None:
    try:
        kind, _mode, rest = key.split("_", 2)
        org, tail, _secret = rest.split("-", 2)
        return (int(org, 16), f"key_{tail}") if kind == "tt" and 0 <= int(org, 16) < 1 << 62 else None
    except ValueError:
        return None


def org_of(key: str) -> int:
    """Whose rows must be seen to look the key up."""
    parts = _parts(key)
    return parts[0] if parts else OPERATOR_ORG


class KeyRing:
    """The callers of the hot path by the digest of their key. Every batch asks the database whether a key changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._callers: dict[bytes, Caller] = {}
        self._last_known: dict[str, Caller] = {}
        self._revision = -1

    def revision(self) -> int:
        return self._revision

    def cached(self, key: bytes) -> Caller | None:
        return self._callers.get(sha256(key).digest())

    def find(self, key: str) -> Caller | None:
        """From the database, and kept for the hot path."""
        with self._lock:
            if self._revision < 0:
                self._renew()
        # Those of before the look-up: if keys change meanwhile, what was read may be old and goes with them.
        callers = self._callers
        try:
            caller = self.fresh(key)
        except StoreError:
            # Without a store only emergencies pass: for them it is enough that the key was there.
            if known := self._last_known.get(digest(key)):
                return known
            raise
        if caller is not None:
            callers[sha256(key.encode()).digest()] = caller
        return caller

    def fresh(self, key: str) -> Caller | None:
        return self._database.read(org_of(key), authenticate, key)

    def forget(self) -> None:
        """A batch has seen that keys changed, or it is the first time: everybody is looked up again."""
        with self._lock:
            self._renew()

    def _renew(self) -> None:
        self._revision = self._database.read((), control_store.value, KEYS_REVISION)
        self._callers = {}
        self._last_known = self._database.read(EVERYBODY, remembered)
