"""People who sign in: invited, given roles, signed out, sent away."""

from __future__ import annotations

import secrets
from typing import Any

from msgspec import Struct

from talktime.actions import sessions
from talktime.core.roles import ORGANIZATION_ROLES
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, chosen, errors_of
from talktime.portal.visit import Visit
from talktime.reports import members as reports
from talktime.web.problems import Problem

HERE = "/settings/members"
API = "/v1/members"
REMOVED = "removed"
SHOWN = 200


class Wish(Struct, frozen=True):
    """What is in the fields."""

    name: str = ""
    email: str = ""
    roles: list[str] = []
    language: str = ""


def get_members(visit: Visit) -> Answer:
    told = visit.ask(API, limit=SHOWN, cursor=visit.query.get("cursor"))
    there = [one for one in told["data"] if one["state"] != REMOVED]
    gone = [one for one in told["data"] if one["state"] == REMOVED]
    return Screen("settings/members.html", {"members": there, "gone": gone, "next": told["next"]})


def get_invitation(visit: Visit) -> Answer:
    return _invitation(Wish(language=visit.organization.language), secrets.token_urlsafe(18))


def _invitation(wish: Wish, once: str, errors: dict[str, str] | None = None) -> Answer:
    values = {"wish": wish, "once": once, "errors": errors, "roles": ORGANIZATION_ROLES}
    return Screen("settings/invite.html", values, 422 if errors else 200)


def invite(visit: Visit) -> Answer:
    """Pressed twice, or sent again: one person is invited once."""
    wish, once = _wished(visit), visit.form.get("once") or secrets.token_urlsafe(18)
    try:
        visit.send("POST", API, _body(visit, wish), once)
    except REFUSED as error:
        return _invitation(wish, secrets.token_urlsafe(18), errors_of(visit, error))
    return Away(HERE, "invited")


def _wished(visit: Visit) -> Wish:
    form = visit.form
    return Wish(form.get("name"), form.get("email"), form.all("roles"), form.get("language"))


def _body(visit: Visit, wish: Wish) -> dict[str, Any]:
    about = {name: visit.form.needed(name) for name in ("name", "email")}
    return {**about, "roles": chosen(visit, "roles"), "language": wish.language}


def get_member(visit: Visit) -> Answer:
    told = member_of(visit)
    return _shown(visit, told, Wish(told["name"], told["email"], told["roles"], told["language"]))


def member_of(visit: Visit) -> Any:
    """Nothing is left to change of who was removed."""
    told = visit.ask(_path(visit))
    if told["state"] == REMOVED:
        raise Problem(404, "not_found")
    return told


def _path(visit: Visit) -> str:
    return f"{API}/{visit.named('id')}"


def _shown(visit: Visit, member: Any, wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    values = {
        "member": member,
        "wish": wish,
        "errors": errors,
        "roles": ORGANIZATION_ROLES,
        "places": visit.read(sessions.sessions, visit.org_id, member["id"], visit.now),
        "ways": visit.read(reports.ways_in, visit.org_id, member["id"]),
    }
    return Screen("settings/member.html", values, 422 if errors else 200)


def change(visit: Visit) -> Answer:
    wish = _wished(visit)
    try:
        visit.send("PATCH", _path(visit), _body(visit, wish))
    except REFUSED as error:
        return _shown(visit, member_of(visit), wish, errors_of(visit, error))
    return Away(HERE, "saved")
