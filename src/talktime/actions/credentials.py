"""Passwords of members. Hashing takes its time, so it is done outside of transactions."""

from __future__ import annotations

from msgspec.structs import replace

from talktime.actions import audit, tickets
from talktime.actions.audit import Actor
from talktime.actions.errors import Invalid
from talktime.actions.members import found
from talktime.actions.tickets import Kind
from talktime.core.passwords import weakness_of
from talktime.core.sign_in_rules import PASSWORD_LENGTH_MOST
from talktime.storage import credential_store, member_store, passwords, rule_store, session_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import ACTIVE


def set_password(
    database: Database, org_id: int, member_id: str, password: str, actor: Actor, keep_session: str = ""
) -> None:
    """Who was invited is active from now on; all sessions but one are over."""
    database.read(org_id, check_password, org_id, member_id, password)
    hashed = passwords.hashed(password)
    database.write(org_id, keep_password, org_id, member_id, hashed, actor, keep_session)


def check_password(tx: ReadTx, org_id: int, member_id: str, password: str) -> None:
    """A weak one is refused."""
    member = found(tx, org_id, member_id)
    refuse_weak(tx, org_id, password, (member.name, member.email))


def length_least(tx: ReadTx, org_id: int) -> int:
    """Of a password, as the organization wants it."""
    return rule_store.find(tx, org_id).password_length


def refuse_weak(tx: ReadTx, org_id: int, password: str, about: tuple[str, ...]) -> None:
    least = length_least(tx, org_id)
    if weakness := weakness_of(password, least, about):
        raise Invalid(weakness, "password", least=least, most=PASSWORD_LENGTH_MOST)


def keep_password(tx: Tx, org_id: int, member_id: str, hashed: str, actor: Actor, keep_session: str = "") -> None:
    member = found(tx, org_id, member_id)
    credential = credential_store.find(tx, org_id, member_id)

    credential_store.save(tx, org_id, replace(credential, password=hashed, password_at=actor.now))
    if member.is_there:
        member_store.change(tx, org_id, replace(member, state=ACTIVE))
    session_store.end_all(tx, org_id, member_id, keep_session, actor.now)
    for kind in Kind:
        # Whoever is on the way in with the old one begins anew.
        tickets.withdraw(tx, org_id, member_id, kind, actor.now)
    audit.note(tx, org_id, actor, "member.password_changed", member_id)


def renew_hash(database: Database, org_id: int, member_id: str, password: str) -> None:
    """The same password as it is kept now, after the parameters have changed."""
    database.write(org_id, _renew, org_id, member_id, passwords.hashed(password))


def _renew(tx: Tx, org_id: int, member_id: str, hashed: str) -> None:
    credential = credential_store.find(tx, org_id, member_id)
    credential_store.save(tx, org_id, replace(credential, password=hashed))
