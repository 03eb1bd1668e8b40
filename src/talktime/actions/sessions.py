"""Who is signed in: sessions are opened, found by their cookie, and ended by many."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from talktime.actions import audit, tokens
from talktime.actions.audit import Actor
from talktime.actions.errors import Forbidden, NotFound
from talktime.core.ids import org_name
from talktime.core.roles import Right, rights_of
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.sign_in_rules import needs_second_factor
from talktime.core.time import DAY, MINUTE
from talktime.storage import member_store, org_store, rule_store, session_store
from talktime.storage.database import Database, ReadTx, Tx
from talktime.storage.member_store import ACTIVE, MemberRow
from talktime.storage.session_store import SessionRow

IDLE, LASTS, FRESH = 8 * 60 * MINUTE, DAY, 15 * MINUTE
SEEN_EVERY = MINUTE
AGENT_LENGTH = 200


class Visitor(Struct, frozen=True):
    """Where somebody comes from."""

    address: str
    agent: str = ""


class Session(Struct, frozen=True):
    org_id: int
    session_id: str
    member: MemberRow
    rights: frozenset[Right]
    acting_for: int | None
    """The organization that an operator looks into."""
    created_at: int
    seen_at: int
    fresh_at: int
    ends_at: int
    two_factors: bool
    must_enrol: bool
    """Nothing else before there is a second factor."""
    agent: str
    address: str

    @property
    def acts_in(self) -> int:
        """Whose rows the pages are about."""
        return self.org_id if self.acting_for is None else self.acting_for

    def may(self, right: Right) -> bool:
        return right in self.rights and not self.must_enrol


def open_session(
    tx: Tx, org_id: int, member_id: str, visitor: Visitor, now: int, two_factors: bool, fresh_at: int | None = None
) -> tuple[Session, str]:
    """The second is the value of the cookie, told now and never again. `fresh_at`: who proved himself some time ago."""
    member = member_store.find(tx, org_id, member_id)
    if member is None or member.state != ACTIVE:
        raise NotFound
    token = tokens.made(org_id, now)
    where = (visitor.address, visitor.agent[:AGENT_LENGTH], None, two_factors)
    times = (now, now, now if fresh_at is None else fresh_at, now + LASTS, None)
    row = SessionRow(f"ses_{token.tail}", token.digest, member_id, *times, *where)

    session_store.add(tx, org_id, row)
    told = {"session": row.session_id, "address": row.address, "agent": row.agent}
    audit.note(tx, org_id, Actor(member_id, now), "member.signed_in", member_id, None, told)
    return _session(tx, org_id, row, member), token.text


def find(database: Database, cookie: str, now: int, is_there: bool = True) -> Session | None:
    """None: nobody is signed in with it, or not any more. `is_there`: somebody asks, not a page by itself."""
    token = tokens.read(cookie)
    if token is None:
        return None
    session = database.read(token.org_id, _found, token, now)
    if session and is_there and now - session.seen_at >= SEEN_EVERY:
        database.write(session.org_id, session_store.seen, session.org_id, session.session_id, now)
    return session


def _found(tx: ReadTx, token: tokens.Token, now: int) -> Session | None:
    row = session_store.find(tx, token.org_id, f"ses_{token.tail}")
    if row is None or not token.fits(row.digest):
        return None
    member = member_store.find(tx, token.org_id, row.member_id)
    return _session(tx, token.org_id, row, member) if member and _goes_on(row, member, now) else None


def _goes_on(row: SessionRow, member: MemberRow, now: int) -> bool:
    ended = row.ended_at is not None or now >= row.ends_at or now >= row.seen_at + IDLE
    sent_away = member.sessions_since is not None and row.created_at <= member.sessions_since
    return not ended and not sent_away and member.state == ACTIVE


def _session(tx: ReadTx, org_id: int, row: SessionRow, member: MemberRow) -> Session:
    needs_factor = needs_second_factor(rule_store.find(tx, org_id), member.roles)
    return Session(
        org_id=org_id,
        session_id=row.session_id,
        member=member,
        rights=rights_of(member.roles),
        acting_for=row.acting_for,
        created_at=row.created_at,
        seen_at=row.seen_at,
        fresh_at=row.fresh_at,
        ends_at=row.ends_at,
        two_factors=row.two_factors,
        must_enrol=needs_factor and not row.two_factors,
        agent=row.agent,
        address=row.address,
    )


def renew(tx: Tx, session: Session) -> str:
    """The value of another cookie for this session, after a proof: a copy of the old one is good for nothing."""
    token = tokens.renewed(session.org_id, session.session_id.removeprefix("ses_"))
    session_store.renew(tx, session.org_id, session.session_id, token.digest)
    return token.text


def is_fresh(session: Session, now: int) -> bool:
    """Whether this person proved who it is only just now."""
    return now < session.fresh_at + FRESH


def sessions(tx: ReadTx, org_id: int, member_id: str, now: int) -> Sequence[SessionRow]:
    """Where this member is signed in, the newest first."""
    member = member_store.find(tx, org_id, member_id)
    return [row for row in session_store.open_of(tx, org_id, member_id) if member and _goes_on(row, member, now)]


def end(tx: Tx, org_id: int, session_id: str, now: int) -> None:
    """Signing out twice is signing out."""
    row = session_store.find(tx, org_id, session_id)
    if row and session_store.end(tx, org_id, session_id, now):
        audit.note(tx, org_id, Actor(row.member_id, now), "member.signed_out", row.member_id, None, _told(row))


def end_own(tx: Tx, session: Session, session_id: str, now: int) -> None:
    """Another of one's own, on a list."""
    row = session_store.find(tx, session.org_id, session_id)
    if row is None or row.member_id != session.member.member_id:
        raise NotFound
    end(tx, session.org_id, session_id, now)


def end_others(tx: Tx, session: Session, now: int) -> None:
    """Wherever this member is signed in besides."""
    member_id = session.member.member_id
    session_store.end_all(tx, session.org_id, member_id, session.session_id, now)
    audit.note(tx, session.org_id, Actor(member_id, now), "member.sessions_ended", member_id)


def act_for(tx: Tx, session: Session, org_id: int | None, now: int) -> Session:
    """An operator looks into an organization; None: not any more. The transaction sees both."""
    if session.org_id != OPERATOR_ORG or not session.may(Right.ORGANIZATIONS_SEE):
        raise Forbidden
    if org_id is not None and org_store.find(tx, org_id) is None:
        raise NotFound

    session_store.act_for(tx, OPERATOR_ORG, session.session_id, org_id)
    what, old = (None if one is None else org_name(one) for one in (org_id, session.acting_for))
    actor = Actor(session.member.member_id, now)
    audit.note(tx, OPERATOR_ORG, actor, "session.acting_for", session.session_id, old or "", what or "")
    return replace(session, acting_for=org_id)


def _told(row: SessionRow) -> dict[str, str]:
    return {"session": row.session_id, "address": row.address}
