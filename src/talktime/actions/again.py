"""Whoever signed in long ago says again who he is, before something that matters."""

from __future__ import annotations

from talktime.actions import attempts
from talktime.actions.sessions import Session
from talktime.actions.sign_in import PASSWORD_MOST, SignInFailed, SingleSignOnRequired
from talktime.actions.single_sign_on import takes_password
from talktime.storage import credential_store, passwords, session_store
from talktime.storage.database import Database


def prove_by_password(database: Database, session: Session, password: str, address: str, now: int) -> None:
    """From now on the session is fresh."""
    if not database.read(session.org_id, takes_password, session.org_id, session.member):
        raise SingleSignOnRequired(session.org_id)
    check_password(database, session, password, address, now)
    database.write(session.org_id, session_store.proved, session.org_id, session.session_id, now)


def check_password(database: Database, session: Session, password: str, address: str, now: int) -> None:
    """The same limits as at signing in: a session that was left open guesses no password."""
    name = own_name(session)
    attempts.begin(database, name, address, now)
    kept = database.read(session.org_id, credential_store.find, session.org_id, session.member.member_id)
    if not passwords.matches(password[:PASSWORD_MOST], kept.password):
        raise SignInFailed("wrong_password", "password")
    database.write((), attempts.succeeded, name, address)


def own_name(session: Session) -> str:
    return f"member:{session.org_id}:{session.member.member_id}"
