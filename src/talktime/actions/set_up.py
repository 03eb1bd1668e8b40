"""The first person of an installation: by a link that only whoever starts it gets to see."""

from __future__ import annotations

from talktime.actions import audit, members, tickets
from talktime.actions.audit import Actor
from talktime.actions.credentials import keep_password, refuse_weak
from talktime.actions.errors import StateConflict
from talktime.actions.sessions import Visitor, open_session
from talktime.actions.sign_in import SignedIn
from talktime.actions.tickets import Kind
from talktime.core.roles import OPERATOR
from talktime.core.scopes import OPERATOR_ORG
from talktime.storage import member_store, passwords
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import ACTIVE, INVITED, MemberRow

NOBODY = ""
"""Whose ticket it is: there is no member yet."""


def is_needed(tx: ReadTx) -> bool:
    there = member_store.members(tx, OPERATOR_ORG)
    return not any(one.state == ACTIVE and OPERATOR in one.roles for one in there)


def set_up_link(database: Database, public_url: str, now: int) -> str | None:
    """None: an operator signs in already. Good for a day; an earlier one is good for nothing any more."""
    ticket = database.write(OPERATOR_ORG, _issue, now)
    return f"{public_url}/set-up/{ticket}" if ticket else None


def ask_link(tx: Tx, public_url: str, actor: Actor) -> str:
    """By somebody who has lost it."""
    ticket = _issue(tx, actor.now)
    if ticket is None:
        raise StateConflict("already_set_up")
    audit.note(tx, OPERATOR_ORG, actor, "set_up_link.made", "operator")
    return f"{public_url}/set-up/{ticket}"


def _issue(tx: Tx, now: int) -> str | None:
    if not is_needed(tx):
        return None
    tickets.withdraw(tx, OPERATOR_ORG, NOBODY, Kind.SET_UP, now)
    return tickets.issue(tx, OPERATOR_ORG, Kind.SET_UP, NOBODY, now)


def is_open(tx: ReadTx, ticket: str, now: int) -> bool:
    return is_needed(tx) and tickets.found(tx, ticket, Kind.SET_UP, now) is not None


def set_up(database: Database, ticket: str, member: MemberRow, password: str, visitor: Visitor) -> SignedIn | None:
    """Makes the first operator, and signs him in. None: the link was used, or its time is over."""
    if not database.read(OPERATOR_ORG, is_open, ticket, member.created_at):
        return None
    members.check_name(member.name)
    database.read(OPERATOR_ORG, refuse_weak, OPERATOR_ORG, password, (member.name, member.email))
    hashed = passwords.hashed(password)
    return database.write(OPERATOR_ORG, _set_up, ticket, member, hashed, visitor)


def first_operator(member_id: str, name: str, email: str, language: str, now: int) -> MemberRow:
    return MemberRow(member_id, name, email, (OPERATOR,), language, INVITED, now)


def _set_up(tx: Tx, ticket: str, member: MemberRow, hashed: str, visitor: Visitor) -> SignedIn | None:
    now = member.created_at
    if not is_open(tx, ticket, now) or tickets.use(tx, ticket, Kind.SET_UP, now) is None:
        return None
    actor = Actor(member.member_id, now)
    members.invite(tx, OPERATOR_ORG, member, actor)
    keep_password(tx, OPERATOR_ORG, member.member_id, hashed, actor)
    return SignedIn(*open_session(tx, OPERATOR_ORG, member.member_id, visitor, now, two_factors=False))
