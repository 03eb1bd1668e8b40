"""A new password for somebody who has forgotten the old one."""

from __future__ import annotations

from talktime.actions import attempts, personal_letters, tickets
from talktime.actions.audit import Actor
from talktime.actions.credentials import check_password, keep_password
from talktime.actions.sign_in import ORGANIZATIONS_MOST
from talktime.actions.tickets import Kind
from talktime.core.emails import is_email
from talktime.core.sign_in_rules import needs_single_sign_on
from talktime.core.time import MINUTE
from talktime.storage import member_store, passwords, rule_store, sign_in_store, ticket_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import ACTIVE, MemberRow
from talktime.storage.vault import Vault

AGAIN_AFTER = 2 * MINUTE
"""Nobody fills somebody else's mailbox."""


def ask(database: Database, vault: Vault, email: str, address: str, now: int) -> None:
    """A letter to whoever it is, for each organization; nothing, and the same answer, for an address that nobody
    knows."""
    name = email.strip().casefold()
    attempts.begin(database, f"reset:{name}", address, now)
    known = database.read((), sign_in_store.belongings, name, ORGANIZATIONS_MOST) if is_email(name) else ()
    for one in known:
        database.write(one.organization, _write, vault, one.organization, one.member_id, now)


def _write(tx: Tx, vault: Vault, org_id: int, member_id: str, now: int) -> None:
    member = member_store.find(tx, org_id, member_id)
    if member is None or member.state != ACTIVE:
        return
    # Where passwords are not taken, a new one is of no use: the letter says where to go instead.
    by_sso = needs_single_sign_on(rule_store.find(tx, org_id), member.roles)
    kind = Kind.SSO_LINK if by_sso else Kind.PASSWORD_RESET
    written = ticket_store.newest(tx, org_id, member_id, kind)
    if written is None or written + AGAIN_AFTER <= now:
        personal_letters.write(tx, vault, org_id, member, kind, now)


def asked_by(tx: ReadTx, ticket: str, now: int) -> MemberRow | None:
    """None: the link was used, or its time is over."""
    row = tickets.found(tx, ticket, Kind.PASSWORD_RESET, now)
    member = member_store.find(tx, tickets.org_of(ticket), row.member_id) if row else None
    return member if member and member.state == ACTIVE else None


def reset(database: Database, ticket: str, password: str, now: int) -> bool:
    """Wherever the member was signed in, it is over. False: the link was used, or its time is over."""
    org_id = tickets.org_of(ticket)
    member = database.read(org_id, asked_by, ticket, now)
    if member is None:
        return False
    database.read(org_id, check_password, org_id, member.member_id, password)
    return database.write(org_id, _reset, org_id, ticket, passwords.hashed(password), now)


def _reset(tx: Tx, org_id: int, ticket: str, hashed: str, now: int) -> bool:
    row = tickets.use(tx, ticket, Kind.PASSWORD_RESET, now)
    if row is not None:
        keep_password(tx, org_id, row.member_id, hashed, Actor(row.member_id, now))
    return row is not None
