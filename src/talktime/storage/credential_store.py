"""How members prove who they are: digests and sealed secrets, nothing that could be used as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

c = t.credentials.c


class Credential(Struct, frozen=True):
    member_id: str
    password: str | None = None
    password_at: int | None = None
    totp_secret: bytes | None = None
    totp_at: int | None = None
    """When the first code was right; None: it was never used."""
    totp_step: int = 0
    recovery: tuple[str, ...] = ()
    sso_subject: str | None = None


COLUMNS = [t.credentials.c[name] for name in Credential.__struct_fields__]


def find(tx: ReadTx, org_id: int, member_id: str) -> Credential:
    """Empty of somebody who has none yet."""
    row = tx.execute(select(*COLUMNS).where(c.org_id == org_id, c.member_id == member_id)).first()
    return _credential(row) if row else Credential(member_id)


def of_subject(tx: ReadTx, org_id: int, subject: str) -> Sequence[Credential]:
    """Of whom another server calls like this, also of who was removed."""
    query = select(*COLUMNS).where(c.org_id == org_id, c.sso_subject == subject).order_by(c.member_id)
    return [_credential(row) for row in tx.execute(query)]


def _credential(row: Any) -> Credential:
    return Credential(**row._asdict() | {"recovery": msgspec.json.decode(row.recovery, type=tuple[str, ...])})


def save(tx: Tx, org_id: int, credential: Credential) -> None:
    values: dict[str, Any] = {name: getattr(credential, name) for name in credential.__struct_fields__}
    values["recovery"] = _json(credential.recovery)
    mine = (c.org_id == org_id, c.member_id == credential.member_id)
    if tx.execute(update(t.credentials).where(*mine).values(values)).rowcount == 0:
        tx.execute(insert(t.credentials), values | {"org_id": org_id})


def use_step(tx: Tx, org_id: int, member_id: str, step: int) -> bool:
    """False: somebody was quicker with the same code."""
    mine = (c.org_id == org_id, c.member_id == member_id, c.totp_step < step)
    return tx.execute(update(t.credentials).where(*mine).values(totp_step=step)).rowcount == 1


def use_recovery(tx: Tx, org_id: int, credential: Credential, digest: str) -> bool:
    """False: the codes are others by now."""
    before, after = credential.recovery, [one for one in credential.recovery if one != digest]
    mine = (c.org_id == org_id, c.member_id == credential.member_id, c.recovery == _json(before))
    return tx.execute(update(t.credentials).where(*mine).values(recovery=_json(after))).rowcount == 1


def _json(digests: Sequence[str]) -> str:
    return msgspec.json.encode(digests).decode()
