"""What members change about themselves, whatever else they may."""

from __future__ import annotations

from talktime.actions import members
from talktime.actions.again import check_password
from talktime.actions.audit import Actor
from talktime.actions.credentials import set_password
from talktime.actions.errors import Invalid
from talktime.actions.sessions import Session
from talktime.core.languages import LANGUAGES
from talktime.storage.database import Database, Tx
from talktime.storage.member_store import MemberRow


def change_own(tx: Tx, session: Session, name: str, language: str, now: int) -> MemberRow:
    """Roles and address are for administrators to change."""
    members.check_name(name)
    if language not in LANGUAGES:
        raise Invalid("invalid", "language")
    values, member_id = {"name": name, "language": language}, session.member.member_id
    return members.change(tx, session.org_id, member_id, values, Actor(member_id, now))


def change_password(database: Database, session: Session, old: str, new: str, address: str, now: int) -> None:
    """Wherever else the member is signed in, it ends."""
    check_password(database, session, old, address, now)
    member_id = session.member.member_id
    set_password(database, session.org_id, member_id, new, Actor(member_id, now), session.session_id)
