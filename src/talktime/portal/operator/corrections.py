"""Money that people of the operator move: a second person agrees where it is much."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from talktime.core.ids import org_name
from talktime.core.months import midnight
from talktime.portal import forms, shown
from talktime.portal.operator.ours import EVERYTHING, everywhere, named, organizations_of, whole, wrong
from talktime.portal.operator.words import who_names
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.reports import adjustments, organizations
from talktime.reports.adjustments import Asked
from talktime.reports.organizations import Wanted
from talktime.web.problems import Problem

HERE = "/operator/corrections"
KINDS = ("adjustment", "grant", "reversal")
BOOKED, WAITING = "booked", "awaiting_second_person"
SHOWN = 50
FIELDS = ("amount", "reason", "expires", "priority", "call_id")


def get_corrections(visit: Visit) -> Answer:
    return _list(visit)


def _list(visit: Visit, error: str = "") -> Answer:
    waiting = everywhere(visit, adjustments.everywhere, WAITING, EVERYTHING, None)
    booked = everywhere(visit, adjustments.everywhere, BOOKED, SHOWN + 1, visit.query.maybe("cursor"))
    values = {
        "waiting": waiting,
        "booked": booked[:SHOWN],
        "next": booked[SHOWN - 1].adjustment.adjustment_id if len(booked) > SHOWN else None,
        "organizations": organizations_of(visit, [one.org_id for one in (*waiting, *booked)]),
        "names": who_names(visit),
        "org_name": org_name,
        "limit": visit.app.settings.adjustment_limit,
        "error": error,
    }
    return Screen("operator/corrections.html", values, 403 if error else 200)


def confirm(visit: Visit) -> Answer:
    """Whoever asked for it cannot: the API says so."""
    path = f"/v1/operator/organizations/{visit.named('org')}/adjustments/{visit.named('id')}/confirm"
    try:
        visit.send("POST", path, {})
    except Problem as problem:
        return _list(visit, visit.sentence(problem, problem.detail, problem.code))
    return Away(HERE, "confirmed")


# ---------------------------------------------------------------- a new one


def get_new(visit: Visit) -> Answer:
    if not visit.query.get("organization"):
        orgs = everywhere(visit, organizations.page, EVERYTHING, None)
        return Screen("operator/correction-whose.html", {"organizations": orgs, "org_name": org_name})
    return _form(visit, visit.query.get("organization"), visit.query.get("kind"))


def _form(visit: Visit, organization: str, kind: str, errors: dict[str, str] | None = None) -> Answer:
    kind = kind if kind in KINDS else KINDS[0]
    org = named(visit, organization)
    values = {
        "org": org,
        "id": organization,
        "kind": kind,
        "line": everywhere(visit, organizations.with_money, Wanted(organization), 1, org.org_id - 1)[0],
        "entered": {name: visit.form.get(name) for name in FIELDS} | ({} if errors else {"priority": "100"}),
        "errors": errors,
        "limit": visit.app.settings.adjustment_limit,
        "once": visit.form.get("once") or secrets.token_urlsafe(18),
    }
    return Screen("operator/correction.html", values, 422 if errors else 200)


def make(visit: Visit) -> Answer:
    """Sent twice it is booked once."""
    organization, kind = visit.form.get("organization"), visit.form.get("kind")
    make_it = {"adjustment": _adjustment, "grant": _grant, "reversal": _reversal}.get(kind, _adjustment)
    try:
        path, body = make_it(visit, organization)
        once = visit.form.get("once") or None
        made = visit.send("POST", f"/v1/operator/organizations/{quote(organization, safe='')}/{path}", body, once)
    except Problem as problem:
        told = wrong("unknown_call", "call_id") if problem.status == 404 and kind == "reversal" else problem
        return _form(visit, organization, kind, _of_fields(visit.errors(told)))
    return Away(HERE, "waits" if made.get("status") == WAITING else "corrected")


def _of_fields(errors: dict[str, str]) -> dict[str, str]:
    return {{"expires_at": "expires"}.get(name, name): text for name, text in errors.items()}


def _adjustment(visit: Visit, organization: str) -> tuple[str, Any]:
    return "adjustments", {"amount": visit.amount("amount"), "reason": visit.form.needed("reason")}


def _grant(visit: Visit, organization: str) -> tuple[str, Any]:
    told = {"amount": visit.amount("amount"), "reason": visit.form.needed("reason")}
    priority = whole(visit, "priority", 0, 1_000)
    return "grants", told | {
        "expires_at": _end(visit, organization),
        "priority": 100 if priority is None else priority,
    }


def _reversal(visit: Visit, organization: str) -> tuple[str, Any]:
    told = {name: visit.form.needed(name) for name in ("call_id", "reason")}
    return "reversals", told | {"amount": visit.amount("amount")}


def _end(visit: Visit, organization: str) -> str | None:
    """The end of a day, by the organization's clock."""
    last = forms.day(visit.form.get("expires"), "expires")
    if last is None:
        return None
    return shown.at(midnight(last + timedelta(days=1), named(visit, organization).time_zone), "UTC").isoformat()


def may_confirm(visit: Visit, asked: Asked) -> bool:
    """Somebody else than who asked for it."""
    return visit.may("corrections.change") and asked.adjustment.asked_by != visit.me.member.member_id
