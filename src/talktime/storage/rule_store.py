"""How the members of an organization sign in."""

from __future__ import annotations

import msgspec
from sqlalchemy import insert, select, update

from talktime.core.sign_in_rules import SignInRules
from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.sign_in_rules.c
_decode = msgspec.json.Decoder(SignInRules).decode


def find(tx: ReadTx, org_id: int) -> SignInRules:
    kept = tx.scalar(select(c.settings).where(c.org_id == org_id))
    return SignInRules() if kept is None else _decode(kept)


def save(tx: Tx, org_id: int, rules: SignInRules) -> None:
    kept = msgspec.json.encode(rules).decode()
    if tx.execute(update(t.sign_in_rules).where(c.org_id == org_id).values(settings=kept)).rowcount == 0:
        tx.execute(insert(t.sign_in_rules), {"org_id": org_id, "settings": kept})


def sso_secret(tx: ReadTx, org_id: int) -> bytes | None:
    """Sealed, for the organization's own server for signing in."""
    kept: bytes | None = tx.scalar(select(c.sso_secret).where(c.org_id == org_id))
    return kept


def save_sso_secret(tx: Tx, org_id: int, sealed: bytes | None) -> None:
    """Of an organization that has saved its rules."""
    tx.execute(update(t.sign_in_rules).where(c.org_id == org_id).values(sso_secret=sealed))
