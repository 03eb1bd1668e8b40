"""Signing in with a password. Whatever was wrong, the answer is the same, and takes as long.

Of an address that belongs to several organizations a check takes longer by one hash for each: that it has more than
one is all that time tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from talktime.actions import attempts, credentials, tickets
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.errors import ActionError
from talktime.actions.sessions import Session, Visitor, open_session
from talktime.actions.tickets import Kind
from talktime.core.emails import is_email
from talktime.core.ids import org_name
from talktime.core.sign_in_rules import needs_single_sign_on
from talktime.storage import credential_store, member_store, org_store, passwords, rule_store, sign_in_store
from talktime.storage.credential_store import Credential
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import ACTIVE
from talktime.storage.sign_in_store import Belonging

__all__ = [
    "Choice",
    "Chosen",
    "NeedsFactor",
    "SignInFailed",
    "SignedIn",
    "SingleSignOnRequired",
    "TooManyAttempts",
    "choose",
    "sign_in",
]

ORGANIZATIONS_MOST = 5
PASSWORD_MOST = 1000
"""Longer ones are looked at no further: hashing is work."""


class SignInFailed(ActionError):
    """It never says what was wrong."""

    code = "sign_in_failed"
    status = 401


class SingleSignOnRequired(SignInFailed):
    """Told only to those whose password was right."""

    code = "single_sign_on_required"
    status = 403

    def __init__(self, org_id: int) -> None:
        super().__init__(organization=org_name(org_id))
        self.org_id = org_id


class SignedIn(Struct, frozen=True):
    session: Session
    cookie: str


class NeedsFactor(Struct, frozen=True):
    """The password was right."""

    ticket: str


class Choice(Struct, frozen=True):
    org_id: int
    name: str
    """Empty: the operator."""
    ticket: str


class Chosen(Struct, frozen=True):
    """The password was right in each of these: one is to be chosen."""

    organizations: tuple[Choice, ...]


class _Candidate(Struct, frozen=True):
    org_id: int
    credential: Credential


def sign_in(
    database: Database, email: str, password: str, visitor: Visitor, now: int
) -> SignedIn | NeedsFactor | Chosen:
    name = email.strip().casefold()
    attempts.begin(database, name, visitor.address, now)
    right = [one for one in _candidates(database, name) if _fits(one, password)]
    if not right:
        raise SignInFailed

    database.write((), attempts.succeeded, name, visitor.address)
    for one in right:
        if passwords.is_outdated(one.credential.password or ""):
            credentials.renew_hash(database, one.org_id, one.credential.member_id, password)
    if len(right) > 1:
        return Chosen(tuple(database.write(one.org_id, _choice, one, now) for one in right))
    return database.write(right[0].org_id, _go_on, right[0], visitor, now)


def choose(database: Database, ticket: str, visitor: Visitor, now: int) -> SignedIn | NeedsFactor:
    """One of several organizations, after the password."""
    org_id = tickets.org_of(ticket)
    return database.write(org_id, _chosen, org_id, ticket, visitor, now)


def _candidates(database: Database, name: str) -> Sequence[_Candidate]:
    """At least one, so that there is always something to be hashed."""
    known = database.read((), sign_in_store.belongings, name, ORGANIZATIONS_MOST) if is_email(name) else ()
    scope = [one.organization for one in known]
    return database.read(scope, _credentials, known) or [_Candidate(0, Credential(""))]


def _credentials(tx: ReadTx, known: Sequence[Belonging]) -> Sequence[_Candidate]:
    """Who may not sign in has no password that fits."""
    return [_Candidate(one.organization, _credential(tx, one)) for one in known]


def _credential(tx: ReadTx, one: Belonging) -> Credential:
    member = member_store.find(tx, one.organization, one.member_id)
    credential = credential_store.find(tx, one.organization, one.member_id)
    return credential if member and member.state == ACTIVE else Credential(one.member_id)


def _fits(candidate: _Candidate, password: str) -> bool:
    return passwords.matches(password[:PASSWORD_MOST], candidate.credential.password)


def _choice(tx: Tx, one: _Candidate, now: int) -> Choice:
    ticket = tickets.issue(tx, one.org_id, Kind.ORGANIZATION_CHOICE, one.credential.member_id, now)
    org = org_store.find(tx, one.org_id)
    return Choice(one.org_id, org.name if org else "", ticket)


def _chosen(tx: Tx, org_id: int, ticket: str, visitor: Visitor, now: int) -> SignedIn | NeedsFactor:
    row = tickets.use(tx, ticket, Kind.ORGANIZATION_CHOICE, now)
    if row is None:
        raise SignInFailed
    return _go_on(tx, _Candidate(org_id, credential_store.find(tx, org_id, row.member_id)), visitor, now)


def _go_on(tx: Tx, one: _Candidate, visitor: Visitor, now: int) -> SignedIn | NeedsFactor:
    """Unless the member was sent away or has another password since it was looked at."""
    member_id = one.credential.member_id
    member = member_store.find(tx, one.org_id, member_id)
    kept = credential_store.find(tx, one.org_id, member_id)
    if member is None or member.state != ACTIVE or kept.password_at != one.credential.password_at:
        raise SignInFailed
    if needs_single_sign_on(rule_store.find(tx, one.org_id), member.roles):
        raise SingleSignOnRequired(one.org_id)

    if kept.totp_at is not None:
        return NeedsFactor(tickets.issue(tx, one.org_id, Kind.SECOND_FACTOR, member_id, now))
    return SignedIn(*open_session(tx, one.org_id, member_id, visitor, now, two_factors=False))
