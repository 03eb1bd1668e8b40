"""Everything that the vault has sealed, wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Column, Table, literal, select, tuple_, update

from talktime.storage import tables as t
from talktime.storage.database import ReadTx, Tx

SWITCH, TOTP, SSO, WEBHOOK = "switch", "totp", "sso", "webhook"


class Sealed(NamedTuple):
    """A column. The place that a secret in it is sealed for consists of the kind, the organization and the name."""

    kind: str
    table: Table
    column: Column[bytes]
    name: Column[str] | None = None
    """None: there is one for an organization."""


class Secret(NamedTuple):
    org_id: int
    name: str
    """Empty where there is only one."""
    sealed: bytes


SEALED = (
    Sealed(SWITCH, t.switches, t.switches.c.cut_token, t.switches.c.name),
    Sealed(TOTP, t.credentials, t.credentials.c.totp_secret, t.credentials.c.member_id),
    Sealed(SSO, t.sign_in_rules, t.sign_in_rules.c.sso_secret),
    Sealed(WEBHOOK, t.webhooks, t.webhooks.c.secret, t.webhooks.c.webhook_id),
    Sealed(WEBHOOK, t.webhooks, t.webhooks.c.old_secret, t.webhooks.c.webhook_id),
)


def some(tx: ReadTx, what: Sealed, after: tuple[int, str], limit: int) -> Sequence[Secret]:
    """In order, from there on. Spans organizations."""
    org_id, name = what.table.c.org_id, literal("") if what.name is None else what.name
    query = select(org_id, name, what.column).where(what.column.is_not(None), tuple_(org_id, name) > after)
    return [Secret(*row) for row in tx.execute(query.order_by(org_id, name).limit(limit))]


def of_organization(tx: ReadTx, what: Sealed, org_id: int) -> Sequence[Secret]:
    """All of this column."""
    name = literal("") if what.name is None else what.name
    query = select(name, what.column).where(what.table.c.org_id == org_id, what.column.is_not(None))
    return [Secret(org_id, *row) for row in tx.execute(query)]


def put(tx: Tx, what: Sealed, secret: Secret, sealed: bytes) -> bool:
    """In its place. False: somebody has changed it meanwhile."""
    mine = [what.table.c.org_id == secret.org_id, what.column == secret.sealed]
    if what.name is not None:
        mine.append(what.name == secret.name)
    return tx.execute(update(what.table).where(*mine).values({what.column.name: sealed})).rowcount == 1
