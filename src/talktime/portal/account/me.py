"""A member's own page: name, language, colours, password, second factor, and where he is signed in."""

from __future__ import annotations

from talktime.actions import second_factor, sessions
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.credentials import length_least
from talktime.actions.errors import ActionError
from talktime.actions.own import change_own, change_password
from talktime.actions.sign_in import SignInFailed
from talktime.portal import cookies
from talktime.portal.account.links import same_twice
from talktime.portal.account.refusals import refused
from talktime.portal.account.ways import renewed
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.readers import THEMES
from talktime.portal.visit import Visit

ME = "/me"


def get_me(visit: Visit) -> Answer:
    return _me(visit)


def _me(visit: Visit, errors: dict[str, str] | None = None, status: int = 422) -> Screen:
    me, database = visit.me, visit.app.database
    entered = visit.form if errors else None
    values = {
        "member": me.member,
        "name": entered.get("name") if entered and "name" in entered else me.member.name,
        "factor": database.read(me.org_id, second_factor.factor_of, me.org_id, me.member.member_id),
        "sessions": database.read(me.org_id, sessions.sessions, me.org_id, me.member.member_id, visit.now),
        "least": database.read(me.org_id, length_least, me.org_id),
        "errors": errors,
    }
    return Screen("account/me.html", values, status if errors else 200)


def save(visit: Visit) -> Answer:
    """The colours are the browser's: at night on one screen, by day on another."""
    name, language, theme = (visit.form.get(field) for field in ("name", "language", "theme"))
    try:
        visit.app.database.write(visit.me.org_id, change_own, visit.me, name, language, visit.now)
    except ActionError as error:
        return _me(visit, {error.field or "": refused(visit, error)})
    return Away(ME, "saved", (_kept(visit, cookies.LANGUAGE, language), _theme(visit, theme)))


def _kept(visit: Visit, name: str, value: str) -> str:
    return cookies.written(name, value, visit.is_secure, cookies.YEAR)


def _theme(visit: Visit, theme: str) -> str:
    if theme in THEMES:
        return _kept(visit, cookies.THEME, theme)
    return cookies.written(cookies.THEME, "", visit.is_secure, 0)


def save_password(visit: Visit) -> Answer:
    old, new = visit.form.whole("current"), visit.form.whole("password")
    if wrong := same_twice(visit):
        return _me(visit, wrong)
    try:
        change_password(visit.app.database, visit.me, old, new, visit.address, visit.now)
    except (SignInFailed, TooManyAttempts) as error:
        return _me(visit, {"current": refused(visit, error)}, error.status)
    except ActionError as error:
        return _me(visit, {"password": refused(visit, error)})
    return Away(ME, "password-changed", (renewed(visit),))


def end_session(visit: Visit) -> Answer:
    me = visit.me
    visit.app.database.write(me.org_id, sessions.end_own, me, visit.form.get("session"), visit.now)
    return Away(ME, "sessions-ended")


def end_others(visit: Visit) -> Answer:
    visit.app.database.write(visit.me.org_id, sessions.end_others, visit.me, visit.now)
    return Away(ME, "sessions-ended")
