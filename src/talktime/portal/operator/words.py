"""The operator's codes in words."""

from __future__ import annotations

from typing import Any

from talktime.core.scopes import OPERATOR_ORG
from talktime.portal.visit import Visit
from talktime.reports import members

PEOPLE_MAX = 1_000


def payer_kind(visit: Visit, account: str) -> str:
    _ = visit.say
    return {"prepaid": _("Prepaid"), "postpaid": _("Postpaid"), "partner": _("Through a partner")}.get(account, account)


def mode_name(visit: Visit, mode: str) -> str:
    _ = visit.say
    return {"live": _("Live"), "test": _("Test")}.get(mode, mode)


def list_state(visit: Visit, state: str) -> str:
    """Of a version of a price list."""
    _ = visit.say
    return {"draft": _("Draft"), "scheduled": _("Scheduled"), "published": _("Published")}.get(state, state)


def row_kind(visit: Visit, kind: str) -> str:
    _ = visit.say
    return {"outbound": _("Outbound"), "conference": _("Conference"), "toll_free": _("Toll-free")}.get(kind, kind)


def difference_reason(visit: Visit, reason: str) -> str:
    """Why an item of the reconciliation is there."""
    _ = visit.say
    reasons = {
        "unknown_organization": _("Taken for an organization that we do not know"),
        "unknown_payment": _("Taken for a payment that we do not know"),
        "credited_but_not_taken": _("Credited here, and the provider says nothing of it"),
        "refunded_but_not_given_back": _("Refunded here, and the provider says nothing of it"),
        "other_amount": _("Another amount than we asked for"),
        "other_currency": _("Another currency than we asked for"),
        "other_organization": _("Named with another organization"),
        "other_payment": _("Named with another payment"),
        "other_mode": _("Real money for a test, or the other way round"),
        "taken_twice": _("Taken twice"),
        "disputed_again": _("Disputed once more"),
        "another_verdict": _("Another verdict about a dispute"),
        "unknown_refund": _("A refund that we do not know"),
        "refunded_too_much": _("More was refunded than was paid"),
        "message_parked": _("A message of the provider could not be worked off"),
        "undecided": _("Undecided for three days"),
    }
    return reasons.get(reason, reason.replace("_", " ").capitalize())


def work_name(visit: Visit, job: Any) -> str:
    """Of long work, and of what comes again and again."""
    _ = visit.say
    if job["kind"] == "scheduled":
        return scheduled_name(visit, str(job["asked"]["name"]))
    kinds = {"export": _("Export of usage"), "verification": _("Verification of the ledger")}
    return kinds.get(job["kind"], str(job["kind"]))


def scheduled_name(visit: Visit, name: str) -> str:
    _ = visit.say
    scheduled = {
        "remind": _("Reminders of funds and cards that end"),
        "reconcile": _("Comparison with the providers"),
        "look at payments": _("Payments that wait for their card holders"),
        "retention": _("Forgetting what is older than it is to be kept"),
        "forget exports": _("Removal of old exports"),
        "pools": _("Minute pools of the new month"),
        "forget": _("Removal of answers kept too long"),
    }
    return scheduled.get(name, name)


def work_state(visit: Visit, status: str) -> str:
    _ = visit.say
    return {"running": _("Running"), "done": _("Done"), "failed": _("Failed")}.get(status, status)


def arrival(visit: Visit, state: str) -> str:
    _ = visit.say
    states = {
        "waiting": _("Waiting"),
        "sent": _("Sent"),
        "parked": _("Given up"),
        "cancelled": _("Cancelled"),
        "nobody": _("For nobody"),
    }
    return states.get(state, state)


def letter_state(visit: Visit, state: str) -> str:
    """Of a message of a provider."""
    _ = visit.say
    return {"waiting": _("Waiting"), "done": _("Done"), "parked": _("Given up")}.get(state, state)


def membership(visit: Visit, state: str) -> str:
    _ = visit.say
    return {"invited": _("Invited"), "active": _("Active"), "removed": _("Removed")}.get(state, state)


def provider_name(visit: Visit, name: str) -> str:
    _ = visit.say
    return {"stripe": "Stripe", "simulator": _("Simulator of test organizations")}.get(name, name)


def who_names(visit: Visit) -> dict[str, str]:
    """The operator's people by their ids, those who have left as well."""
    rows = visit.app.database.read(OPERATOR_ORG, members.page, OPERATOR_ORG, PEOPLE_MAX, None)
    return {row.member_id: row.name for row in rows}


def done_by(visit: Visit, by: str, names: dict[str, str]) -> str:
    """Who did something: a person, a key, or the product itself."""
    _ = visit.say
    if by in names:
        return names[by]
    if by.startswith("key_"):
        return _("API key …{end}", end=by[-6:])
    if by == "local":
        return _("The command line")
    return _("A member of the organization") if by.startswith("mem_") else _("By itself")


def operator_action(visit: Visit, action: str) -> str:
    """Of the operator's audit log."""
    _ = visit.say
    names = {
        "organization.created": _("Organization created"),
        "organization.changed": _("Organization changed"),
        "organization.closed": _("Organization closed"),
        "price_list.created": _("Price list created"),
        "price_list.drafted": _("Draft of a price list"),
        "price_list.changed": _("Price list changed"),
        "price_list.published": _("Price list published"),
        "licence_catalogue.changed": _("Catalogue of licences changed"),
        "number_rows.changed": _("Rows about numbers changed"),
        "key.created": _("API key created"),
        "key.revoked": _("API key revoked"),
        "member.invited": _("Person invited"),
        "member.changed": _("Person changed"),
        "member.removed": _("Person removed"),
        "member.signed_in": _("Signed in"),
        "member.signed_out": _("Signed out"),
        "member.sessions_ended": _("Signed out everywhere"),
        "member.password_changed": _("Password changed"),
        "session.acting_for": _("Looked into an organization"),
        "reconciliation.closed": _("Difference closed"),
        "person.erased": _("Person forgotten"),
        "audit.shortened": _("Old lines of the audit log shortened"),
    }
    return names.get(action, action)


FUNCTIONS = (
    arrival,
    difference_reason,
    done_by,
    letter_state,
    list_state,
    membership,
    mode_name,
    operator_action,
    payer_kind,
    provider_name,
    row_kind,
    scheduled_name,
    work_name,
    work_state,
)
"""What templates may call."""
