"""The operator's own people: invited, given roles, sent away."""

from __future__ import annotations

import secrets
from typing import Any

from talktime.core.roles import OPERATOR_ROLES
from talktime.portal.operator.ours import EVERYTHING, wrong
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem

HERE, API = "/operator/members", "/v1/operator/members"


def get_members(visit: Visit) -> Answer:
    members = visit.ask(API, limit=EVERYTHING)["data"]
    values = {
        "members": [one for one in members if one["state"] != "removed"],
        "removed": [one for one in members if one["state"] == "removed"],
    }
    return Screen("operator/members.html", values)


def get_new(visit: Visit) -> Answer:
    return _form(visit, {"name": "", "email": "", "roles": ["support"], "language": visit.language})


def _form(visit: Visit, entered: dict[str, Any], errors: dict[str, str] | None = None, member: Any = None) -> Answer:
    values = {
        "member": member,
        "entered": entered,
        "errors": errors,
        "roles": OPERATOR_ROLES,
        "is_me": member is not None and member["id"] == visit.me.member.member_id,
        "once": visit.form.get("once") or secrets.token_urlsafe(18),
    }
    return Screen("operator/member.html", values, 422 if errors else 200)


def _entered(visit: Visit) -> dict[str, Any]:
    told: dict[str, Any] = {name: visit.form.get(name) for name in ("name", "email", "language")}
    return told | {"roles": visit.form.all("roles")}


def _check(visit: Visit) -> None:
    for name in ("name", "email"):
        visit.form.needed(name)
    if not visit.form.all("roles"):
        raise wrong("missing_field", "roles")


def invite(visit: Visit) -> Answer:
    try:
        _check(visit)
        visit.send("POST", API, _entered(visit), visit.form.get("once") or None)
    except Problem as problem:
        return _form(visit, _entered(visit), visit.errors(problem))
    return Away(HERE, "invited")


def get_member(visit: Visit) -> Answer:
    member = visit.ask(_path(visit))
    if member["state"] == "removed":
        raise Problem(404, "not_found")
    return _form(visit, member, member=member)


def _path(visit: Visit) -> str:
    return f"{API}/{visit.named('id')}"


def change(visit: Visit) -> Answer:
    try:
        _check(visit)
        visit.send("PATCH", _path(visit), _entered(visit))
    except Problem as problem:
        return _form(visit, _entered(visit), visit.errors(problem), visit.ask(_path(visit)))
    return Away(HERE, "saved")


def end_sessions(visit: Visit) -> Answer:
    visit.send("POST", f"{_path(visit)}/end-sessions", {})
    return Away(HERE, "ended")


def invite_again(visit: Visit) -> Answer:
    """The mail before it leads nowhere any more."""
    visit.send("POST", f"{_path(visit)}/invite", {})
    return Away(HERE, "invited")


def remove(visit: Visit) -> Answer:
    """Nobody removes himself: somebody has to be left who can undo it."""
    if visit.names["id"] == visit.me.member.member_id:
        raise Problem(403, "forbidden")
    visit.send("DELETE", _path(visit))
    return Away(HERE, "removed")
