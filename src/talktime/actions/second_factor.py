"""The second factor: a code of an authenticator app, or a recovery code. Both are good once."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import attempts, audit, tickets
from talktime.actions.audit import Actor
from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.members import found
from talktime.actions.sessions import Session, Visitor, open_session
from talktime.actions.sign_in import SignedIn, SignInFailed
from talktime.actions.tickets import Kind
from talktime.core import one_time_codes as codes
from talktime.core.sign_in_rules import needs_second_factor
from talktime.storage import credential_store, rule_store, session_store
from talktime.storage.credential_store import Credential
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.sealed_store import TOTP
from talktime.storage.vault import Vault, place_of

PROPOSED, RECOVERY = "second factor", "recovery codes"


class Factor(Struct, frozen=True):
    """What a member has to prove himself with."""

    has_password: bool
    since: int | None
    """Of the second factor; None: there is none."""
    recovery_left: int
    is_required: bool


class Enrolment(Struct, frozen=True):
    """What the app has to know."""

    spelled: str
    link: str


def factor_of(tx: ReadTx, org_id: int, member_id: str) -> Factor:
    kept = credential_store.find(tx, org_id, member_id)
    required = needs_second_factor(rule_store.find(tx, org_id), found(tx, org_id, member_id).roles)
    return Factor(kept.password is not None, kept.totp_at, len(kept.recovery), required)


def enrolment(tx: ReadTx, vault: Vault, session: Session, issuer: str) -> Enrolment:
    """The same for a session however often it is asked: nothing is kept before a code was right."""
    secret = _proposed(vault, session, _credential(tx, session))
    return Enrolment(codes.spelled(secret), codes.link_of(secret, issuer, session.member.email))


def enrol(tx: Tx, vault: Vault, session: Session, code: str, now: int) -> Sequence[str]:
    """The recovery codes, told now and never again. Wherever else the member is signed in, it was without."""
    credential = _credential(tx, session)
    if credential.totp_at is not None:
        raise StateConflict("second_factor_kept")
    secret = _proposed(vault, session, credential)
    step = codes.step_of(codes.plain(code), secret, now, credential.totp_step)
    if step is None:
        raise SignInFailed("wrong_code", "code")

    sealed = vault.seal(secret.hex(), place_of(TOTP, session.org_id, credential.member_id))
    made, digests = _recovery_codes(vault, session.org_id, credential.member_id)
    kept = replace(credential, totp_secret=sealed, totp_at=now, totp_step=step, recovery=digests)
    credential_store.save(tx, session.org_id, kept)
    session_store.proved(tx, session.org_id, session.session_id, now, two_factors=True)
    session_store.end_all(tx, session.org_id, credential.member_id, session.session_id, now)
    _note(tx, session, "member.second_factor_added", now)
    return made


def renew_recovery_codes(tx: Tx, vault: Vault, session: Session, now: int) -> Sequence[str]:
    """The old ones are good for nothing any more."""
    credential = _credential(tx, session)
    if credential.totp_at is None:
        raise NotFound
    made, digests = _recovery_codes(vault, session.org_id, credential.member_id)
    credential_store.save(tx, session.org_id, replace(credential, recovery=digests))
    _note(tx, session, "member.recovery_codes_renewed", now)
    return made


def remove(tx: Tx, session: Session, now: int) -> None:
    """By the member, where the rules do not require one."""
    if needs_second_factor(rule_store.find(tx, session.org_id), session.member.roles):
        raise StateConflict("second_factor_needed")
    _take_away(tx, session.org_id, session.member.member_id)
    _note(tx, session, "member.second_factor_removed", now)


def reset(tx: Tx, org_id: int, member_id: str, actor: Actor) -> None:
    """By an administrator, for somebody who has lost everything: the next sign-in begins with another one."""
    found(tx, org_id, member_id)
    _take_away(tx, org_id, member_id)
    session_store.end_all(tx, org_id, member_id, "", actor.now)
    audit.note(tx, org_id, actor, "member.second_factor_removed", member_id)


def finish(database: Database, vault: Vault, ticket: str, code: str, visitor: Visitor, now: int) -> SignedIn | None:
    """After the password. None: it took too long, so it begins anew."""
    org_id = tickets.org_of(ticket)
    waiting = database.read(org_id, tickets.found, ticket, Kind.SECOND_FACTOR, now)
    if waiting is None:
        return None
    _checked(database, vault, org_id, waiting.member_id, code, visitor.address, now)
    return database.write(org_id, _finished, org_id, ticket, visitor, now)


def _finished(tx: Tx, org_id: int, ticket: str, visitor: Visitor, now: int) -> SignedIn | None:
    row = tickets.use(tx, ticket, Kind.SECOND_FACTOR, now)
    if row is None:
        return None
    return SignedIn(*open_session(tx, org_id, row.member_id, visitor, now, two_factors=True))


def prove_by_code(database: Database, vault: Vault, session: Session, code: str, address: str, now: int) -> None:
    """Who is signed in says again who he is."""
    _checked(database, vault, session.org_id, session.member.member_id, code, address, now)
    database.write(session.org_id, session_store.proved, session.org_id, session.session_id, now)


def _checked(database: Database, vault: Vault, org_id: int, member_id: str, code: str, address: str, now: int) -> None:
    name = f"code:{org_id}:{member_id}"
    attempts.begin(database, name, address, now)
    if not database.write(org_id, _use, vault, org_id, member_id, codes.plain(code), now):
        raise SignInFailed("wrong_code", "code")
    database.write((), attempts.succeeded, name, address)


def _use(tx: Tx, vault: Vault, org_id: int, member_id: str, code: str, now: int) -> bool:
    """True once."""
    kept = credential_store.find(tx, org_id, member_id)
    if kept.totp_at is None or kept.totp_secret is None:
        return False
    if not codes.is_of_app(code):
        return _use_recovery(tx, vault, org_id, kept, code, now)
    secret = bytes.fromhex(vault.open(kept.totp_secret, place_of(TOTP, org_id, member_id)))
    step = codes.step_of(code, secret, now, kept.totp_step)
    return step is not None and credential_store.use_step(tx, org_id, member_id, step)


def _use_recovery(tx: Tx, vault: Vault, org_id: int, kept: Credential, code: str, now: int) -> bool:
    digest = _digest(vault, org_id, kept.member_id, code)
    if digest not in kept.recovery or not credential_store.use_recovery(tx, org_id, kept, digest):
        return False
    audit.note(tx, org_id, Actor(kept.member_id, now), "member.recovery_code_used", kept.member_id)
    return True


def _credential(tx: ReadTx, session: Session) -> Credential:
    return credential_store.find(tx, session.org_id, session.member.member_id)


def _proposed(vault: Vault, session: Session, credential: Credential) -> bytes:
    """Another one after each that was used."""
    about = f"{session.org_id}:{session.session_id}:{credential.totp_step}"
    return hmac.digest(vault.derived(PROPOSED), about.encode(), "sha256")[: codes.SECRET_BYTES]


def _recovery_codes(vault: Vault, org_id: int, member_id: str) -> tuple[Sequence[str], tuple[str, ...]]:
    length = codes.RECOVERY_GROUPS * codes.RECOVERY_GROUP
    made = ["".join(secrets.choice(codes.RECOVERY_SIGNS) for _ in range(length)) for _ in range(codes.RECOVERY_CODES)]
    return [codes.grouped(one) for one in made], tuple(_digest(vault, org_id, member_id, one) for one in made)


def _digest(vault: Vault, org_id: int, member_id: str, code: str) -> str:
    """Of few enough signs to be tried out, so it needs our key."""
    return hmac.digest(vault.derived(RECOVERY), f"{org_id}:{member_id}:{code}".encode(), "sha256").hex()


def _take_away(tx: Tx, org_id: int, member_id: str) -> None:
    kept = credential_store.find(tx, org_id, member_id)
    credential_store.save(tx, org_id, replace(kept, totp_secret=None, totp_at=None, recovery=()))


def _note(tx: Tx, session: Session, action: str, now: int) -> None:
    member_id = session.member.member_id
    audit.note(tx, session.org_id, Actor(member_id, now), action, member_id)
