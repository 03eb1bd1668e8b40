"""Whoever knows only his e-mail address gets the way to his organization's sign-in by mail: nobody else learns from it
who belongs where."""

from __future__ import annotations

from talktime.actions import attempts, personal_letters
from talktime.actions.sign_in import ORGANIZATIONS_MOST
from talktime.actions.tickets import Kind
from talktime.core.emails import is_email
from talktime.core.time import MINUTE
from talktime.storage import member_store, rule_store, sign_in_store, ticket_store
from talktime.storage.database import Database, Tx
from talktime.storage.vault import Vault

AGAIN_AFTER = 2 * MINUTE
"""Nobody fills somebody else's mailbox."""


def ask(database: Database, vault: Vault, email: str, address: str, now: int) -> None:
    """A letter for each organization with single sign-on; the same answer for an address that nobody knows."""
    name = email.strip().casefold()
    attempts.begin(database, f"sso:{name}", address, now)
    known = database.read((), sign_in_store.belongings, name, ORGANIZATIONS_MOST) if is_email(name) else ()
    for one in known:
        database.write(one.organization, _write, vault, one.organization, one.member_id, now)


def _write(tx: Tx, vault: Vault, org_id: int, member_id: str, now: int) -> None:
    member = member_store.find(tx, org_id, member_id)
    if member is None or not member.is_there or rule_store.find(tx, org_id).sso is None:
        return
    written = ticket_store.newest(tx, org_id, member_id, Kind.SSO_LINK)
    if written is None or written + AGAIN_AFTER <= now:
        personal_letters.write(tx, vault, org_id, member, Kind.SSO_LINK, now)
