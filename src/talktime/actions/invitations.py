"""Invitations: sent by mail, and accepted with a password of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from talktime.actions import members, personal_letters, tickets
from talktime.actions.audit import Actor
from talktime.actions.credentials import check_password, keep_password
from talktime.actions.errors import StateConflict
from talktime.actions.sessions import Visitor, open_session
from talktime.actions.sign_in import SignedIn, SingleSignOnRequired
from talktime.actions.tickets import Kind
from talktime.core.sign_in_rules import needs_single_sign_on
from talktime.storage import member_store, org_store, passwords, rule_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import INVITED, MemberRow
from talktime.storage.vault import Vault


class Invited(Struct, frozen=True):
    """Who a link was sent to."""

    member: MemberRow
    organization: str
    """Empty: the operator."""
    org_id: int
    by_single_sign_on: bool
    """A password would open nothing."""


def invite(tx: Tx, vault: Vault, org_id: int, member: MemberRow, actor: Actor) -> MemberRow:
    made = members.invite(tx, org_id, member, actor)
    personal_letters.write(tx, vault, org_id, made, Kind.INVITATION, actor.now)
    return made


def change(tx: Tx, vault: Vault, org_id: int, member_id: str, values: Mapping[str, Any], actor: Actor) -> MemberRow:
    """Who was invited under another address gets the letter there."""
    old = members.found(tx, org_id, member_id)
    new = members.change(tx, org_id, member_id, values, actor)
    if new.state == INVITED and new.email != old.email:
        personal_letters.write(tx, vault, org_id, new, Kind.INVITATION, actor.now)
    return new


def send_again(tx: Tx, vault: Vault, org_id: int, member_id: str, actor: Actor) -> None:
    """To somebody who has not answered."""
    member = members.found(tx, org_id, member_id)
    if member.state != INVITED:
        raise StateConflict("not_invited")
    personal_letters.write(tx, vault, org_id, member, Kind.INVITATION, actor.now)


def invited_by(tx: ReadTx, ticket: str, now: int) -> Invited | None:
    """None: the link was used, or its time is over."""
    return _holder(tx, ticket, Kind.INVITATION, now)


def accept(database: Database, ticket: str, name: str, password: str, visitor: Visitor, now: int) -> SignedIn | None:
    """Signed in at once: the letter has proved the address. None: the link was used, or its time is over."""
    org_id = tickets.org_of(ticket)
    invited = database.read(org_id, invited_by, ticket, now)
    if invited is None:
        return None
    if invited.by_single_sign_on:
        raise SingleSignOnRequired(org_id)
    members.check_name(name)
    database.read(org_id, check_password, org_id, invited.member.member_id, password)
    hashed = passwords.hashed(password)
    return database.write(org_id, _accepted, org_id, ticket, name, hashed, visitor, now)


def _accepted(tx: Tx, org_id: int, ticket: str, name: str, hashed: str, visitor: Visitor, now: int) -> SignedIn | None:
    row = tickets.use(tx, ticket, Kind.INVITATION, now)
    if row is None:
        return None
    actor = Actor(row.member_id, now)
    members.change(tx, org_id, row.member_id, {"name": name}, actor)
    keep_password(tx, org_id, row.member_id, hashed, actor)
    return SignedIn(*open_session(tx, org_id, row.member_id, visitor, now, two_factors=False))


def _holder(tx: ReadTx, ticket: str, kind: Kind, now: int) -> Invited | None:
    row, org_id = tickets.found(tx, ticket, kind, now), tickets.org_of(ticket)
    member = member_store.find(tx, org_id, row.member_id) if row else None
    if member is None or member.state != INVITED:
        return None
    org = org_store.find(tx, org_id)
    elsewhere = needs_single_sign_on(rule_store.find(tx, org_id), member.roles)
    return Invited(member, org.name if org else "", org_id, elsewhere)
