"""One user: who he is, what he has, where he may call, whether he may at all."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from talktime.actions import people
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.users import entry
from talktime.portal.users.entry import Entered
from talktime.portal.users.policies import POLICIES, halves
from talktime.portal.visit import Visit
from talktime.reports import blocks
from talktime.reports.blocks import BlockRow
from talktime.reports.people import allowed
from talktime.web.problems import Problem, invalid

BLOCKS_SHOWN = 20
OWN = "own"


def page_of(user_id: str) -> str:
    return f"/users/{quote(user_id, safe='')}"


def _path(visit: Visit) -> str:
    """Of the API."""
    return f"/v1/users/{visit.named('id')}"


def _here(visit: Visit) -> str:
    return page_of(visit.names["id"])


# ------------------------------------------------------------ a new one


def get_new(visit: Visit) -> Answer:
    return _new(visit, entry.new(visit))


def _new(visit: Visit, entered: Entered, errors: Mapping[str, str] | None = None) -> Answer:
    values = {"entered": entered, "errors": errors, "once": secrets.token_urlsafe(18)}
    return Screen("users/new.html", values, 422 if errors else 200)


def add(visit: Visit) -> Answer:
    entered = entry.of_form(visit.form)
    try:
        made = visit.send("POST", "/v1/users", entry.body_of(entered), visit.form.maybe("once"))
    except Problem as problem:
        return _new(visit, entered, visit.errors(problem))
    return Away(page_of(made["id"]), "user-added")


# ------------------------------------------------------------ one that is there


def get_user(visit: Visit) -> Answer:
    return _shown(visit)


def _shown(visit: Visit, about: str = "", errors: Mapping[str, str] | None = None) -> Answer:
    """`about`: the form that was refused, which is shown as it was filled in."""
    user = visit.ask(_path(visit))
    form = visit.form
    policy = user["policy"] or visit.organization.policy
    meetings, calls = halves(policy)
    values = {
        "user": user,
        "here": _here(visit),
        "about": about,
        "errors": errors,
        "entered": entry.of_form(form) if about == "details" else entry.of_user(user),
        "held": form.all("licences") if about == "licences" else user["licences"],
        "stock": visit.read(people.stock, visit.org_id),
        "allowed": visit.read(allowed, user["licences"]),
        "policy": {"is_own": bool(user["policy"]), "meetings": meetings, "calls": calls},
        "reason": form.get("reason"),
        "blocks": _blocks(visit),
    }
    return Screen("users/user.html", values, 422 if errors else 200)


def _blocks(visit: Visit) -> Sequence[BlockRow]:
    """Newest first."""
    return visit.read(blocks.page, visit.org_id, visit.names["id"], BLOCKS_SHOWN, None)


def save_details(visit: Visit) -> Answer:
    try:
        visit.send("PATCH", _path(visit), entry.body_of(entry.of_form(visit.form)))
    except Problem as problem:
        return _shown(visit, "details", visit.errors(problem))
    return Away(_here(visit), "saved")


def save_licences(visit: Visit) -> Answer:
    try:
        visit.send("PUT", f"{_path(visit)}/licences", visit.form.all("licences"))
    except Problem as problem:
        return _shown(visit, "licences", visit.errors(problem))
    return Away(_here(visit), "saved")


def save_policy(visit: Visit) -> Answer:
    visit.send("PUT", f"{_path(visit)}/policy", {"policy": _policy(visit)})
    return Away(_here(visit), "saved")


def _policy(visit: Visit) -> str | None:
    """None: the organization's."""
    form = visit.form
    if form.get("policy") != OWN:
        return None
    chosen = POLICIES.get((form.get("meetings"), form.get("calls")))
    if chosen is None:
        raise invalid("policy", "There is no such policy.")
    return chosen


def block(visit: Visit) -> Answer:
    try:
        if not visit.form.get("reason"):
            raise Problem(422, "invalid", errors=[entry.needed("reason")])
        visit.send("POST", f"{_path(visit)}/block", {"reason": visit.form.get("reason")})
    except Problem as problem:
        return _shown(visit, "block", visit.errors(problem))
    return Away(_here(visit), "blocked")


def unblock(visit: Visit) -> Answer:
    visit.send("POST", f"{_path(visit)}/unblock")
    return Away(_here(visit), "unblocked")


# ------------------------------------------------------------ one that goes


def get_removal(visit: Visit) -> Answer:
    user = visit.ask(_path(visit))
    values = {"user": user, "here": _here(visit), "names": visit.read(people.names_of_licences)}
    return Screen("users/remove.html", values)


def remove(visit: Visit) -> Answer:
    visit.send("DELETE", _path(visit))
    return Away("/users/list", "user-removed")
