"""Service numbers: what they are, what they serve, and who pays for calls to them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from talktime.core.phone import is_usable
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.users import entry
from talktime.portal.visit import Visit
from talktime.reports.balance import balance
from talktime.web.problems import FieldError, Problem
from talktime.web.sentences import sentence

HERE = "/numbers"
TOLL_FREE = "toll_free"
FIELDS = ("number", "type", "serves")


def get_numbers(visit: Visit) -> Answer:
    told = visit.ask("/v1/numbers", cursor=visit.query.get("cursor"))
    numbers = told["data"]
    is_silent = any(one["type"] == TOLL_FREE for one in numbers) and _is_empty(visit)
    return Screen("numbers/list.html", {"numbers": numbers, "next": told["next"], "is_silent": is_silent})


def _is_empty(visit: Visit) -> bool:
    """Without funds nobody can call a toll-free number."""
    return _is_prepaid(visit) and visit.read(balance, visit.org_id, visit.today).available <= 0


def _is_prepaid(visit: Visit) -> bool:
    return visit.organization.billing_account != "postpaid"


# ------------------------------------------------------------ a new one


def get_new(visit: Visit) -> Answer:
    return _new(visit, {"number": "", "type": "toll", "serves": "conference"})


def _new(visit: Visit, entered: Mapping[str, str], errors: Mapping[str, str] | None = None) -> Answer:
    values = {
        "entered": entered,
        "errors": errors,
        "needs_funds": not visit.read(balance, visit.org_id, visit.today).credits_set_up,
        "once": secrets.token_urlsafe(18),
    }
    return Screen("numbers/new.html", values, 422 if errors else 200)


def add(visit: Visit) -> Answer:
    entered = {name: visit.form.get(name) for name in FIELDS}
    try:
        visit.send("POST", "/v1/numbers", _body(entered), visit.form.maybe("once"))
    except Problem as problem:
        return _new(visit, entered, visit.errors(problem))
    return Away(HERE, "number-added")


def _body(entered: Mapping[str, str]) -> dict[str, str]:
    number = entry.plain_number(entered["number"])
    if not number:
        raise Problem(422, "invalid", errors=[entry.needed("number")])
    if not is_usable(number):
        raise Problem(422, "invalid", errors=[FieldError("number", "invalid_number", sentence("invalid_number"))])
    return {**entered, "number": number}


# ------------------------------------------------------------ one that is there


def _path(visit: Visit) -> str:
    """Of the API."""
    return f"/v1/numbers/{visit.named('id')}"


def get_number(visit: Visit) -> Answer:
    return Screen("numbers/number.html", _one(visit))


def get_removal(visit: Visit) -> Answer:
    return Screen("numbers/remove.html", _one(visit))


def _one(visit: Visit) -> dict[str, Any]:
    return {"number": visit.ask(_path(visit)), "here": f"{HERE}/{visit.named('id')}"}


def save(visit: Visit) -> Answer:
    visit.send("PATCH", _path(visit), {"serves": visit.form.get("serves")})
    return Away(HERE, "saved")


def remove(visit: Visit) -> Answer:
    visit.send("DELETE", _path(visit))
    return Away(HERE, "number-removed")
