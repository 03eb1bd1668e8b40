"""What a link or a form may be used for: once, by whom it was made for, until it ends."""

from __future__ import annotations

from enum import StrEnum
from hashlib import sha256

from talktime.actions import tokens
from talktime.actions.tokens import Token
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.time import DAY, MINUTE
from talktime.storage import ticket_store
from talktime.storage.database import ReadTx, Tx
from talktime.storage.ticket_store import TicketRow


class Kind(StrEnum):
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"
    SET_UP = "set_up"
    SECOND_FACTOR = "second_factor"
    """The password was right, the code is outstanding."""
    ORGANIZATION_CHOICE = "organization_choice"
    """The password was right, in more than one organization."""
    SSO_LINK = "sso_link"
    """Leads to the organization's own sign-in, and opens nothing by itself."""
    SINGLE_SIGN_ON = "single_sign_on"
    """Somebody came back from another server: kept only so that he does so once."""


MAILED = "mailed tickets"
"""What the key of links in letters is derived for."""
LASTS = {
    Kind.INVITATION: 7 * DAY,
    Kind.PASSWORD_RESET: 60 * MINUTE,
    Kind.SET_UP: DAY,
    Kind.SECOND_FACTOR: 10 * MINUTE,
    Kind.ORGANIZATION_CHOICE: 10 * MINUTE,
    Kind.SSO_LINK: DAY,
    Kind.SINGLE_SIGN_ON: 10 * MINUTE,
}


def issue(tx: Tx, org_id: int, kind: Kind, member_id: str, now: int) -> str:
    """Its text is shown now and never again."""
    token = tokens.made(org_id, now)
    _keep(tx, token, kind, member_id, now)
    return token.text


def issue_by_mail(tx: Tx, key: bytes, org_id: int, kind: Kind, member_id: str, now: int) -> TicketRow:
    """Its text is made when the letter is sent. An earlier one of the kind is good for nothing any more."""
    withdraw(tx, org_id, member_id, kind, now)
    return _keep(tx, tokens.derived(key, org_id, tokens.tail_of(now)), kind, member_id, now)


def text_of(key: bytes, org_id: int, ticket_id: str) -> str:
    return tokens.derived(key, org_id, ticket_id.removeprefix("tic_")).text


def withdraw(tx: Tx, org_id: int, member_id: str, kind: Kind, now: int) -> None:
    ticket_store.use_all(tx, org_id, member_id, kind, now)


def _keep(tx: Tx, token: Token, kind: Kind, member_id: str, now: int) -> TicketRow:
    row = TicketRow(f"tic_{token.tail}", token.digest, kind, member_id, now, now + LASTS[kind])
    ticket_store.add(tx, token.org_id, row)
    return row


def found(tx: ReadTx, text: str, kind: Kind, now: int) -> TicketRow | None:
    """None: it is none of these, was used, or its time is over."""
    token = tokens.read(text)
    row = ticket_store.find(tx, token.org_id, f"tic_{token.tail}") if token else None
    if token is None or row is None or not token.fits(row.digest):
        return None
    return row if row.kind == kind and row.used_at is None and now < row.ends_at else None


def use(tx: Tx, text: str, kind: Kind, now: int) -> TicketRow | None:
    """The one time."""
    token, row = tokens.read(text), found(tx, text, kind, now)
    return row if token and row and ticket_store.use(tx, token.org_id, row.ticket_id, now) else None


def use_up(tx: Tx, org_id: int, kind: Kind, secret: str, now: int) -> bool:
    """What was made without a row here has its one time as well. False: that is over."""
    digest = sha256(secret.encode()).hexdigest()
    row = TicketRow(f"tic_{digest[:32]}", digest, kind, "", now, now + LASTS[kind], now)
    return ticket_store.add_once(tx, org_id, row)


def org_of(text: str) -> int:
    """Whose rows must be seen to look it up."""
    token = tokens.read(text)
    return token.org_id if token else OPERATOR_ORG
