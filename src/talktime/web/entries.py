"""The statement, and the audit log: what happened, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from talktime.actions.organizations import found
from talktime.core.ledger import EntryKind, Posting
from talktime.core.money import decimal
from talktime.core.scopes import OPERATOR_ORG, Scope
from talktime.core.time import moment
from talktime.reports import audit, entries
from talktime.reports.entries import EntryRow
from talktime.storage.audit_store import AuditRow
from talktime.storage.database import ReadTx
from talktime.web.lists import Page, page_of
from talktime.web.routes import Request, Route
from talktime.web.sentences import entry_sentence

LOT = "lot:"


class EntryLot(Struct):
    lot: str
    amount: str
    """Signed like the entry: what came into the lot, or went out of it."""


class EntryBody(Struct, kw_only=True):
    id: str
    at: datetime
    kind: EntryKind
    description: str
    amount: str
    currency: str
    balance_after: str
    cause: str
    lots: list[EntryLot]


def entry_body(entry: EntryRow, currency: str) -> EntryBody:
    return EntryBody(
        id=f"ent_{entry.entry_id}",
        at=moment(entry.at),
        kind=EntryKind(entry.kind),
        description=entry_sentence(entry.kind, entry.note),
        amount=decimal(entry.amount),
        currency=currency,
        balance_after=decimal(entry.balance_after),
        cause=entry.key,
        lots=[EntryLot(lot, decimal(amount)) for lot, amount in lots_of(entry.postings).items() if amount],
    )


def lots_of(postings: tuple[Posting, ...]) -> dict[str, int]:
    """By how much each lot has changed."""
    moved: dict[str, int] = {}
    for posting in postings:
        for book, amount in ((posting.source, -posting.amount), (posting.destination, posting.amount)):
            if book.startswith(LOT):
                lot = book.removeprefix(LOT)
                moved[lot] = moved.get(lot, 0) + amount
    return moved


def list_entries(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """The statement: what changed the balance, newest first."""
    page: Page = request.query
    currency = found(tx, request.org_id).currency
    rows = entries.statement(tx, request.org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.entry_id, lambda row: entry_body(row, currency))


class AuditBody(Struct, kw_only=True):
    id: str
    at: datetime
    actor: str
    action: str
    object: str
    old: Any
    new: Any


def audit_body(row: AuditRow) -> AuditBody:
    return AuditBody(
        id=row.audit_id,
        at=moment(row.at),
        actor=row.actor,
        action=row.action,
        object=row.object,
        old=_value(row.old),
        new=_value(row.new),
    )


def _value(text: str | None) -> Any:
    return None if text is None else msgspec.Raw(text.encode())


def list_audit(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Who changed what in this organization, newest first."""
    found(tx, request.org_id)
    return _audit(tx, request, request.org_id)


def list_operator_audit(tx: ReadTx, request: Request[None]) -> dict[str, Any]:
    """Who changed what of the operator's own, newest first: price lists and keys."""
    return _audit(tx, request, OPERATOR_ORG)


def _audit(tx: ReadTx, request: Request[None], org_id: int) -> dict[str, Any]:
    page: Page = request.query
    rows = audit.page(tx, org_id, page.limit + 1, page.after(str))
    return page_of(rows, page.limit, lambda row: row.audit_id, audit_body)


OPERATORS: dict[str, Any] = {"needs_organization": False, "tag": "Operator"}
ROUTES = [
    Route("GET", "/v1/entries", Scope.FUNDS, list_entries, query=Page, answer=list[EntryBody], tag="Money"),
    Route("GET", "/v1/audit", Scope.REPORTS, list_audit, query=Page, answer=list[AuditBody], tag="Reports"),
    Route(
        "GET",
        "/v1/operator/audit",
        Scope.OPERATOR,
        list_operator_audit,
        query=Page,
        answer=list[AuditBody],
        **OPERATORS,
    ),
]
