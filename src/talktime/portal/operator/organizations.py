"""Organizations: found, made, changed, closed, and looked into."""

from __future__ import annotations

import secrets
from typing import Any

from babel import Locale

from talktime.actions import sessions
from talktime.core import countries
from talktime.core.ids import org_name
from talktime.core.policies import DEFAULT_POLICY, Policy
from talktime.core.scopes import OPERATOR_ORG
from talktime.portal.forms import whole_number
from talktime.portal.operator.ours import EVERYTHING, SHOWN, everywhere, named, one_of, wrong
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.reports import organizations as reports
from talktime.reports.organizations import Line, Wanted
from talktime.storage.org_store import Organization
from talktime.web.problems import Problem

HERE = "/operator/organizations"
STATES, MODES = ("open", "closed"), ("live", "test")
TEXTS = ("name", "country", "currency", "time_zone", "language", "billing_account", "policy", "price_list")


def get_organizations(visit: Visit) -> Answer:
    query = visit.query
    state, mode = one_of(query.get("state"), STATES), one_of(query.get("mode"), MODES)
    wanted = Wanted(query.maybe("q"), state, mode)
    after = query.get("cursor")
    found = everywhere(visit, reports.with_money, wanted, SHOWN + 1, whole_number(after))
    values = {
        "lines": found[:SHOWN],
        "next": str(found[SHOWN - 1].org.org_id) if len(found) > SHOWN else None,
        "wanted": wanted,
        "org_name": org_name,
    }
    return Screen("operator/organizations.html", values)


def get_one(visit: Visit) -> Answer:
    org = named(visit, visit.names["org"])
    line = _with_money(visit, org)
    price_list = _price_lists(visit).get(org.price_list or "") if visit.may("prices.see") else None
    return Screen("operator/organization.html", {"org": org, "line": line, "price_list": price_list, "id": _id(visit)})


def _id(visit: Visit) -> str:
    return visit.names["org"]


def _with_money(visit: Visit, org: Organization) -> Line:
    return everywhere(visit, reports.with_money, Wanted(org_name(org.org_id)), EVERYTHING, org.org_id - 1)[0]


def _price_lists(visit: Visit) -> dict[str, Any]:
    return {one["id"]: one for one in visit.ask("/v1/operator/price-lists", limit=EVERYTHING)["data"]}


# ---------------------------------------------------------------- made and changed


def get_new(visit: Visit) -> Answer:
    usual = {"time_zone": "UTC", "language": "en", "mode": "live", "billing_account": "prepaid", "currency": "USD"}
    return _form(visit, usual | {"policy": DEFAULT_POLICY.value})


def create(visit: Visit) -> Answer:
    values = _entered(visit) | {"mode": visit.form.get("mode")}
    try:
        _check(visit)
        made = visit.send("POST", "/v1/operator/organizations", _sent(values), visit.form.get("once") or None)
    except Problem as problem:
        return _form(visit, values, visit.errors(problem))
    return Away(f"{HERE}/{made['id']}", "added")


def get_change(visit: Visit) -> Answer:
    org = named(visit, _id(visit))
    return _form(visit, {name: getattr(org, name) for name in TEXTS}, org=org)


def change(visit: Visit) -> Answer:
    org, values = named(visit, _id(visit)), _entered(visit)
    try:
        _check(visit)
        visit.send("PATCH", f"/v1/operator/organizations/{visit.named('org')}", _sent(values))
    except Problem as problem:
        return _form(visit, values, visit.errors(problem), org)
    return Away(f"{HERE}/{_id(visit)}", "saved")


def _entered(visit: Visit) -> dict[str, Any]:
    values = {name: visit.form.get(name) for name in TEXTS}
    return values | {"currency": values["currency"].upper()}


def _check(visit: Visit) -> None:
    for name in ("name", "country", "currency", "time_zone"):
        visit.form.needed(name)
    currency = visit.form.get("currency")
    if len(currency) != 3 or not (currency.isascii() and currency.isalpha()):
        raise wrong("no_currency", "currency")


def _sent(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"price_list": values["price_list"] or None}


def _form(
    visit: Visit, values: dict[str, Any], errors: dict[str, str] | None = None, org: Organization | None = None
) -> Answer:
    shown = {
        "org": org,
        "id": org_name(org.org_id) if org else "",
        "entered": dict.fromkeys(TEXTS, "") | values,
        "errors": errors,
        "countries": _countries(visit),
        "policies": [(policy.value, policy.value) for policy in Policy],
        "price_lists": [(name, one["name"]) for name, one in _price_lists(visit).items()],
        "once": visit.form.get("once") or secrets.token_urlsafe(18),
    }
    return Screen("operator/organization-form.html", shown, 422 if errors else 200)


def _countries(visit: Visit) -> list[tuple[str, str]]:
    names = Locale(visit.language).territories
    known = [(code, str(names.get(code, code))) for code in countries.CODES]
    return [("", visit.say("Choose a country")), *sorted(known, key=lambda one: one[1])]


# ---------------------------------------------------------------- closed


def get_close(visit: Visit) -> Answer:
    org = named(visit, _id(visit))
    return Screen("operator/close.html", {"org": org, "line": _with_money(visit, org), "id": _id(visit)})


def close(visit: Visit) -> Answer:
    visit.send("DELETE", f"/v1/operator/organizations/{visit.named('org')}")
    return Away(f"{HERE}/{_id(visit)}", "closed")


# ---------------------------------------------------------------- looked into


def enter(visit: Visit) -> Answer:
    """From now on all pages are about this organization."""
    org = named(visit, _id(visit))
    visit.app.database.write((OPERATOR_ORG, org.org_id), sessions.act_for, visit.me, org.org_id, visit.now)
    return Away("/")


def leave(visit: Visit) -> Answer:
    visit.app.database.write(OPERATOR_ORG, sessions.act_for, visit.me, None, visit.now)
    return Away(HERE)
