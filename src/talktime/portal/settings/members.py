"""People who sign in: invited, given roles, signed out, sent away."""

from __future__ import annotations

import secrets
from typing import Any

from msgspec import Struct

from talktime.actions import sessions
from talktime.core.roles import ORGANIZATION_ROLES
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, Question, asked, chosen, errors_of, named, needed
from talktime.portal.visit import Visit
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
    about = {name: needed(visit, name) for name in ("name", "email")}
    return {**about, "roles": chosen(visit, "roles"), "language": wish.language}


def get_member(visit: Visit) -> Answer:
    told = _member(visit)
    return _shown(visit, told, Wish(told["name"], told["email"], told["roles"], told["language"]))


def _member(visit: Visit) -> Any:
    """Nothing is left to change of who was removed."""
    told = visit.ask(_path(visit))
    if told["state"] == REMOVED:
        raise Problem(404, "not_found")
    return told


def _path(visit: Visit) -> str:
    return f"{API}/{named(visit, 'id')}"


def _shown(visit: Visit, member: Any, wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    values = {
        "member": member,
        "wish": wish,
        "errors": errors,
        "roles": ORGANIZATION_ROLES,
        "places": visit.read(sessions.sessions, visit.org_id, member["id"], visit.now),
    }
    return Screen("settings/member.html", values, 422 if errors else 200)


def change(visit: Visit) -> Answer:
    wish = _wished(visit)
    try:
        visit.send("PATCH", _path(visit), _body(visit, wish))
    except REFUSED as error:
        return _shown(visit, _member(visit), wish, errors_of(visit, error))
    return Away(HERE, "saved")


def ask_to_remove(visit: Visit) -> Answer:
    return asked(_about_removal(visit))


def remove(visit: Visit) -> Answer:
    try:
        visit.send("DELETE", _path(visit))
    except Problem as problem:
        return asked(_about_removal(visit), {"": " ".join(visit.errors(problem).values())})
    return Away(HERE, "removed")


def _about_removal(visit: Visit) -> Question:
    _, member = visit.say, _member(visit)
    title = _("Remove {name}?", name=member["name"])
    if member["id"] == visit.me.member.member_id:
        text = _("This is you: you are signed out at once, and somebody else has to invite you again.")
    else:
        text = _("{name} is signed out everywhere and can no longer sign in. The audit log keeps the name.", **member)
    return Question((HERE, _("People who sign in")), title, text, _("Remove"), f"{HERE}/{member['id']}")


def ask_to_sign_out(visit: Visit) -> Answer:
    return asked(_about_sign_out(visit))


def sign_out(visit: Visit) -> Answer:
    visit.send("POST", f"{_path(visit)}/end-sessions")
    return Away(f"{HERE}/{named(visit, 'id')}", "saved")


def _about_sign_out(visit: Visit) -> Question:
    _, member = visit.say, _member(visit)
    title = _("Sign {name} out everywhere?", name=member["name"])
    text = _("All sessions end at once. Signing in again is possible.")
    back = f"{HERE}/{member['id']}"
    return Question((HERE, _("People who sign in")), title, text, _("Sign out everywhere"), back, is_grave=False)
