"""Pages that a link in a letter leads to, and the one for the first operator. Opening them uses nothing up: programs
look at links, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from talktime.actions import invitations, resets, set_up, tickets
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.credentials import length_least
from talktime.actions.errors import ActionError
from talktime.actions.sign_in import SignedIn
from talktime.actions.single_sign_on import path_of
from talktime.core.languages import LANGUAGES
from talktime.core.scopes import OPERATOR_ORG
from talktime.portal.account.refusals import refused
from talktime.portal.account.ways import SIGN_IN, signed_in, visitor
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit

Errors = dict[str, str] | None
GONE = Screen("account/gone.html", {}, 404)
"""The link was used, or its time is over."""


def same_twice(visit: Visit) -> Errors:
    """What is wrong with a password that is typed twice."""
    if visit.form.whole("password") != visit.form.whole("again"):
        return {"again": visit.say("This is not the same as above.")}
    return None


def _ticket(visit: Visit) -> str:
    return visit.names["ticket"]


def _least(visit: Visit, org_id: int) -> int:
    return visit.app.database.read(org_id, length_least, org_id)


# ---------------------------------------------------------------- invitations


def get_invitation(visit: Visit) -> Answer:
    return _invitation(visit)


def _invitation(visit: Visit, errors: Errors = None) -> Screen:
    ticket = _ticket(visit)
    invited = visit.app.database.read(tickets.org_of(ticket), invitations.invited_by, ticket, visit.now)
    if invited is None:
        return GONE
    values: dict[str, Any] = {"invited": invited, "sso": path_of(invited.org_id)}
    values |= {
        "least": _least(visit, invited.org_id),
        "name": visit.form.get("name") or invited.member.name,
        "errors": errors,
    }
    return Screen("account/invitation.html", values, 422 if errors else 200)


def accept(visit: Visit) -> Answer:
    name, password = visit.form.get("name"), visit.form.whole("password")
    place = (visitor(visit), visit.now)
    return _made(
        visit, _invitation, lambda: invitations.accept(visit.app.database, _ticket(visit), name, password, *place)
    )


def _made(visit: Visit, form: Callable[[Visit, Errors], Screen], act: Callable[[], SignedIn | None]) -> Answer:
    """Signed in, or the form once more with what is wrong."""
    errors = same_twice(visit)
    if errors is None:
        try:
            made = act()
            return signed_in(visit, made, "/") if made else GONE
        except ActionError as error:
            errors = {error.field or "": refused(visit, error)}
    return form(visit, errors)


# ---------------------------------------------------------------- forgotten passwords


def get_forgot(visit: Visit) -> Answer:
    return Screen("account/forgot.html", {"email": visit.query.get("email"), "errors": None, "asked": False})


def forgot(visit: Visit) -> Answer:
    """The same answer for an address that nobody knows."""
    email = visit.form.get("email")
    try:
        resets.ask(visit.app.database, visit.app.vault, email, visit.address, visit.now)
    except TooManyAttempts as error:
        values = {"email": email, "errors": {"email": refused(visit, error)}, "asked": False}
        return Screen("account/forgot.html", values, error.status)
    return Screen("account/forgot.html", {"email": email, "errors": None, "asked": True})


def get_reset(visit: Visit) -> Answer:
    return _reset(visit)


def _reset(visit: Visit, errors: Errors = None) -> Screen:
    ticket = _ticket(visit)
    member = visit.app.database.read(tickets.org_of(ticket), resets.asked_by, ticket, visit.now)
    if member is None:
        return GONE
    values = {"member": member, "errors": errors, "least": _least(visit, tickets.org_of(ticket))}
    return Screen("account/reset.html", values, 422 if errors else 200)


def reset(visit: Visit) -> Answer:
    errors = same_twice(visit)
    if errors is None:
        try:
            done = resets.reset(visit.app.database, _ticket(visit), visit.form.whole("password"), visit.now)
            return Away(SIGN_IN, "password-set") if done else GONE
        except ActionError as error:
            errors = {error.field or "": refused(visit, error)}
    return _reset(visit, errors)


# ---------------------------------------------------------------- the first operator


def get_set_up(visit: Visit) -> Answer:
    return _set_up(visit)


def _set_up(visit: Visit, errors: Errors = None) -> Screen:
    if not visit.app.database.read(OPERATOR_ORG, set_up.is_open, _ticket(visit), visit.now):
        return GONE
    values: dict[str, Any] = {"name": visit.form.get("name"), "email": visit.form.get("email"), "errors": errors}
    values["least"] = _least(visit, OPERATOR_ORG)
    return Screen("account/set-up.html", values, 422 if errors else 200)


def set_up_first(visit: Visit) -> Answer:
    form, app = visit.form, visit.app
    language = form.get("language")
    language = language if language in LANGUAGES else visit.language
    member = set_up.first_operator(app.new_id("mem"), form.get("name"), form.get("email"), language, visit.now)
    password = form.whole("password")
    return _made(visit, _set_up, lambda: set_up.set_up(app.database, _ticket(visit), member, password, visitor(visit)))
