"""Signing in through the organization's own server. It says who somebody is; what he may is decided here."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hmac import compare_digest

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import attempts, audit, tickets
from talktime.actions.audit import Actor
from talktime.actions.errors import ActionError
from talktime.actions.sessions import Visitor, open_session
from talktime.actions.sign_in import NeedsFactor, SignedIn
from talktime.actions.single_sign_on import client_of
from talktime.actions.tickets import Kind
from talktime.core.identities import Person, Unknown, issuer_of, proves_two
from talktime.core.sign_in_rules import needs_second_factor
from talktime.core.time import MINUTE
from talktime.identity.identity import Identity
from talktime.identity.known import Begun, Client
from talktime.storage import credential_store, member_store, org_store, rule_store, sign_in_store
from talktime.storage.credential_store import Credential
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import ACTIVE, MemberRow
from talktime.storage.vault import Vault, VaultError

LASTS = 10 * MINUTE
"""So long somebody may take at the other server."""
LONG_AGO = 0
_PLACE = "sso_underway"


class NotSignedIn(ActionError):
    """The code says why."""

    code = "sso_refused"
    status = 403

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.detail = detail
        """For the log: an administrator finds there what nobody else need know."""


class Underway(Struct, frozen=True):
    """What the browser keeps, sealed, until it is back."""

    org_id: int
    issuer: str
    client_id: str
    begun: Begun
    next: str
    again: bool
    ends_at: int


class Answer(Struct, frozen=True):
    """What the browser brings back from the other server."""

    state: str
    code: str = ""
    error: str = ""
    issuer: str = ""


class Doors(Struct, frozen=True):
    """What signing in through another server needs."""

    database: Database
    vault: Vault
    identity: Identity
    public_url: str


class Sent(Struct, frozen=True):
    url: str
    cookie: str


class Arrived(Struct, frozen=True):
    signed_in: SignedIn | NeedsFactor
    next: str


def begin(doors: Doors, org_id: int, next: str, now: int, again: bool = False) -> Sent:
    """`again`: who is signed in proves once more who he is."""
    client = _client(doors, org_id)
    started = doors.identity.begin(client, again)
    if isinstance(started, Unknown):
        raise NotSignedIn(started.code, started.detail)
    url, begun = started
    underway = Underway(org_id, client.issuer, client.client_id, begun, next, again, now + LASTS)
    return Sent(url, _sealed(doors.vault, underway))


def finish(doors: Doors, org_id: int, cookie: str, answer: Answer, visitor: Visitor, now: int) -> Arrived:
    """Only in the browser that began, only once, only of the server that was asked."""
    underway = _opened(doors.vault, cookie)
    if underway is None or not _belongs(underway, org_id, answer, now):
        raise NotSignedIn("sso_begun_elsewhere")
    if answer.error or not answer.code:
        raise NotSignedIn("sso_refused", answer.error[:100])
    client = _client(doors, org_id)
    if (client.issuer, client.client_id) != (underway.issuer, underway.client_id):
        raise NotSignedIn("sso_begun_elsewhere")

    # Counted by where somebody comes from: through us nobody has another's server asked as often as he likes.
    attempts.begin(doors.database, answer.state, visitor.address, now)
    person = doors.identity.finish(client, underway.begun, answer.code, answer.issuer)
    if isinstance(person, Unknown):
        raise NotSignedIn(person.code, person.detail)
    doors.database.write((), attempts.succeeded, answer.state, visitor.address)
    return Arrived(doors.database.write(org_id, _arrive, underway, person, visitor, now), underway.next)


def _client(doors: Doors, org_id: int) -> Client:
    client = doors.database.read(org_id, client_of, doors.vault, org_id, doors.public_url)
    if client is None:
        raise NotSignedIn("sso_not_set_up")
    return client


def _belongs(underway: Underway, org_id: int, answer: Answer, now: int) -> bool:
    is_ours = compare_digest(underway.begun.state.encode(), answer.state.encode())
    return is_ours and underway.org_id == org_id and now < underway.ends_at


# ---------------------------------------------------------------- who is it


def _arrive(tx: Tx, underway: Underway, person: Person, visitor: Visitor, now: int) -> SignedIn | NeedsFactor:
    org_id = underway.org_id
    org_store.lock(tx, org_id)
    if not tickets.use_up(tx, org_id, Kind.SINGLE_SIGN_ON, underway.begun.state, now):
        raise NotSignedIn("sso_begun_elsewhere")
    member, credential = _known(tx, org_id, person)

    _link(tx, org_id, member, credential, person, now)
    has_two = proves_two(person.methods)
    must_prove = needs_second_factor(rule_store.find(tx, org_id), member.roles)
    if must_prove and not has_two and credential.totp_at is not None:
        return NeedsFactor(tickets.issue(tx, org_id, Kind.SECOND_FACTOR, member.member_id, now))
    fresh_at = _proved_at(person, underway, now)
    return SignedIn(*open_session(tx, org_id, member.member_id, visitor, now, has_two, fresh_at))


def _known(tx: ReadTx, org_id: int, person: Person) -> tuple[MemberRow, Credential]:
    """By the name that the other server has for him; at the first time by his verified address."""
    for credential in credential_store.of_subject(tx, org_id, person.pin):
        member = member_store.find(tx, org_id, credential.member_id)
        if member and member.is_there:
            return member, credential
    if not person.email:
        raise NotSignedIn("sso_no_email")
    return _of_address(tx, org_id, person)


def _of_address(tx: ReadTx, org_id: int, person: Person) -> tuple[MemberRow, Credential]:
    member_id = sign_in_store.member_of(tx, person.email.casefold(), org_id)
    member = member_store.find(tx, org_id, member_id) if member_id else None
    if member is None or not member.is_there:
        raise NotSignedIn("sso_not_a_member")
    credential = credential_store.find(tx, org_id, member.member_id)
    # Addresses are given to others when people leave: the second account with the same address is somebody else's.
    if credential.sso_subject and issuer_of(credential.sso_subject) == person.issuer:
        raise NotSignedIn("sso_other_account")
    return member, credential


def _link(tx: Tx, org_id: int, member: MemberRow, credential: Credential, person: Person, now: int) -> None:
    """Who was invited is active from now on."""
    if credential.sso_subject != person.pin:
        credential_store.save(tx, org_id, replace(credential, sso_subject=person.pin))
        told = {"issuer": person.issuer}
        audit.note(tx, org_id, Actor(member.member_id, now), "member.sso_linked", member.member_id, {}, told)
    if member.state != ACTIVE:
        member_store.change(tx, org_id, replace(member, state=ACTIVE))


def _proved_at(person: Person, underway: Underway, now: int) -> int:
    """Who has long been signed in over there has proved nothing now; of one who was asked again it is believed."""
    if person.proved_at is None:
        return now if underway.again else LONG_AGO
    return min(person.proved_at, now)


# ---------------------------------------------------------------- what the browser keeps


def _sealed(vault: Vault, underway: Underway) -> str:
    return urlsafe_b64encode(vault.seal(msgspec.json.encode(underway).decode(), _PLACE)).decode()


def _opened(vault: Vault, cookie: str) -> Underway | None:
    try:
        return msgspec.json.decode(vault.open(urlsafe_b64decode(cookie), _PLACE), type=Underway)
    except (ValueError, VaultError):
        # Of another key, or of another version of ours.
        return None
