"""People who sign in: invited, changed, sent away. The operator's own are under his number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from talktime.actions import audit, tickets
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid, NotFound, StateConflict
from talktime.actions.tickets import Kind
from talktime.core.emails import is_email
from talktime.core.roles import ADMINISTRATOR, OPERATOR_ROLES, ORGANIZATION_ROLES
from talktime.core.scopes import OPERATOR_ORG
from talktime.storage import member_store, org_store, sign_in_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.member_store import REMOVED, MemberRow

NAME_LENGTH = 200
TOLD = ("name", "email", "roles", "language", "state")


def found(tx: ReadTx, org_id: int, member_id: str) -> MemberRow:
    """Also who was removed."""
    member = member_store.find(tx, org_id, member_id)
    if member is None:
        raise NotFound
    return member


def invite(tx: Tx, org_id: int, member: MemberRow, actor: Actor) -> MemberRow:
    org_store.lock(tx, org_id)
    _check(tx, org_id, member)

    member_store.add(tx, org_id, member)
    sign_in_store.add(tx, member.email.casefold(), org_id, member.member_id)
    audit.note(tx, org_id, actor, "member.invited", member.member_id, None, _told(member))
    return member


def change(tx: Tx, org_id: int, member_id: str, values: Mapping[str, Any], actor: Actor) -> MemberRow:
    """`values` holds what is to be another."""
    old = _locked(tx, org_id, member_id)
    new = replace(old, **values)
    _check(tx, org_id, new)
    _check_administrator(tx, org_id, old, new)

    member_store.change(tx, org_id, new)
    _move(tx, org_id, old, new, actor.now)
    audit.note(tx, org_id, actor, "member.changed", member_id, _told(old), _told(new))
    return new


def remove(tx: Tx, org_id: int, member_id: str, actor: Actor) -> None:
    """The address is free again; who it was stays known."""
    old = _locked(tx, org_id, member_id)
    gone = replace(old, state=REMOVED, removed_at=actor.now, sessions_since=actor.now)
    _check_administrator(tx, org_id, old, gone)

    member_store.change(tx, org_id, gone)
    sign_in_store.remove(tx, old.email.casefold(), org_id)
    audit.note(tx, org_id, actor, "member.removed", member_id, _told(old), None)


def check_may_go(tx: ReadTx, org_id: int, member: MemberRow) -> None:
    """StateConflict: nobody else administers the organization."""
    _check_administrator(tx, org_id, member, replace(member, state=REMOVED))


def end_sessions(tx: Tx, org_id: int, member_id: str, actor: Actor) -> None:
    """Wherever this person is signed in."""
    old = _locked(tx, org_id, member_id)
    member_store.change(tx, org_id, replace(old, sessions_since=actor.now))
    audit.note(tx, org_id, actor, "member.sessions_ended", member_id)


def check_name(name: str) -> None:
    """As people give it themselves."""
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid("invalid" if name else "missing_field", "name")


def _locked(tx: Tx, org_id: int, member_id: str) -> MemberRow:
    """Two changes are made one after the other, so that one administrator is always left."""
    org_store.lock(tx, org_id)
    member = found(tx, org_id, member_id)
    if not member.is_there:
        raise NotFound
    return member


def _move(tx: Tx, org_id: int, old: MemberRow, new: MemberRow, now: int) -> None:
    """Signs in by the new address from now on. What was sent to the old one leads nowhere any more."""
    if new.email.casefold() != old.email.casefold():
        for kind in (Kind.INVITATION, Kind.PASSWORD_RESET):
            tickets.withdraw(tx, org_id, new.member_id, kind, now)
        sign_in_store.remove(tx, old.email.casefold(), org_id)
        sign_in_store.add(tx, new.email.casefold(), org_id, new.member_id)


def _check(tx: ReadTx, org_id: int, member: MemberRow) -> None:
    if not is_email(member.email):
        raise Invalid("invalid_email", "email")
    # The operator's roles are no organization's to give.
    if not set(member.roles) <= set(OPERATOR_ROLES if org_id == OPERATOR_ORG else ORGANIZATION_ROLES):
        raise Invalid("unknown_role", "roles")
    others = (one for one in member_store.members(tx, org_id) if one.is_there and one.member_id != member.member_id)
    if member.email.casefold() in {one.email.casefold() for one in others}:
        raise StateConflict("already_used", "email")


def _check_administrator(tx: ReadTx, org_id: int, old: MemberRow, new: MemberRow) -> None:
    if not _administers(old) or _administers(new):
        return
    if not any(_administers(one) for one in member_store.members(tx, org_id) if one.member_id != old.member_id):
        raise StateConflict("last_administrator", "roles")


def _administers(member: MemberRow) -> bool:
    return member.is_there and ADMINISTRATOR in member.roles


def _told(member: MemberRow) -> dict[str, Any]:
    return {name: getattr(member, name) for name in TOLD}
