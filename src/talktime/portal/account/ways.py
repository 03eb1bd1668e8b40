"""Where somebody goes on to after signing in: only to pages of ours."""

from __future__ import annotations

from talktime.actions import sessions
from talktime.actions.sessions import Visitor
from talktime.actions.sign_in import SignedIn
from talktime.portal import cookies
from talktime.portal.pages import Away
from talktime.portal.visit import Visit

SIGN_IN, AGAIN, CODE, SSO = "/sign-in", "/sign-in/again", "/sign-in/code", "/sso"
STEP = "talktime_step"
"""Between the password and the code."""
STEP_SECONDS = 600


def next_of(text: str) -> str:
    """Home for whatever is no path of ours; browsers take a backslash for a slash."""
    is_path = text.startswith("/") and not text.startswith("//")
    is_plain = text.isascii() and text.isprintable() and "\\" not in text and " " not in text
    return text if is_path and is_plain else "/"


def wanted(visit: Visit) -> str:
    """As the form says it, or the address."""
    return next_of(visit.form.get("next") or visit.query.get("next"))


def visitor(visit: Visit) -> Visitor:
    return Visitor(visit.address, visit.agent)


def signed_in(visit: Visit, made: SignedIn, path: str) -> Away:
    """Whoever was signed in here before is so no longer."""
    end_session(visit)
    told = cookies.written(cookies.SESSION, made.cookie, visit.is_secure)
    return Away(path, cookies=(told, step_cookie(visit, "", 0)))


def renewed(visit: Visit) -> str:
    """The cookie of whoever has just said again who he is."""
    value = visit.app.database.write(visit.me.org_id, sessions.renew, visit.me)
    return cookies.written(cookies.SESSION, value, visit.is_secure)


def end_session(visit: Visit) -> None:
    if visit.session is not None:
        org_id, session_id = visit.session.org_id, visit.session.session_id
        visit.app.database.write(org_id, sessions.end, org_id, session_id, visit.now)


def signed_out(visit: Visit, path: str, said: str = "") -> Away:
    return Away(path, said, (cookies.written(cookies.SESSION, "", visit.is_secure, 0),))


def step_cookie(visit: Visit, ticket: str, seconds: int = STEP_SECONDS) -> str:
    return cookies.written(STEP, ticket, visit.is_secure, seconds)


def step_of(visit: Visit) -> str:
    """The ticket that the password was worth; nothing where there is none."""
    return visit.cookies.get(cookies.named(STEP, visit.is_secure), "")
