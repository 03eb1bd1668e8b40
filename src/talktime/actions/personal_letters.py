"""Letters that are for one person alone, with a link that works once."""

from __future__ import annotations

import msgspec

from talktime.actions import tickets
from talktime.actions.notices import MailBody
from talktime.actions.tickets import Kind
from talktime.core.ids import uuid7_of
from talktime.core.notices import Member
from talktime.storage import delivery_store
from talktime.storage.database import Tx
from talktime.storage.delivery_store import EMAIL, WAITING, DeliveryRow
from talktime.storage.ticket_store import TicketRow
from talktime.storage.vault import Vault

PATHS = {
    Kind.INVITATION.value: "/invitation",
    Kind.PASSWORD_RESET.value: "/password/reset",
    Kind.SSO_LINK.value: "/sso/by-mail",
}
"""Of the pages that their links lead to."""


def write(tx: Tx, vault: Vault, org_id: int, member: Member, kind: Kind, now: int) -> None:
    """Sent by whoever comes to it. A letter of the same kind that was sent before leads nowhere any more."""
    key = vault.derived(tickets.MAILED)
    ticket = tickets.issue_by_mail(tx, key, org_id, kind, member.member_id, now)
    delivery_store.add(tx, [_delivery(org_id, member, ticket, now)])


def _delivery(org_id: int, member: Member, ticket: TicketRow, now: int) -> DeliveryRow:
    body = MailBody({"ticket": ticket.ticket_id, "good_until": str(ticket.ends_at)})
    return DeliveryRow(
        org_id=org_id,
        delivery_id=f"del_{uuid7_of(now, ticket.ticket_id)}",
        notice_id=ticket.ticket_id,
        channel=EMAIL,
        target="",
        event=ticket.kind,
        recipients=_json([member.email]),
        language=member.language,
        body=_json(body),
        state=WAITING,
        created_at=now,
        due_at=now,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
