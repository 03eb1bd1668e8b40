"""Signing in with a password, choosing an organization where there are several, signing out."""

from __future__ import annotations

from urllib.parse import quote

from talktime.actions.attempts import TooManyAttempts
from talktime.actions.sign_in import Chosen, NeedsFactor, SignedIn, SignInFailed, SingleSignOnRequired, choose
from talktime.actions.sign_in import sign_in as with_password
from talktime.actions.single_sign_on import path_of
from talktime.core.languages import LANGUAGES
from talktime.portal import cookies
from talktime.portal.account.refusals import refused
from talktime.portal.account.ways import (
    CODE,
    SIGN_IN,
    SSO,
    end_session,
    signed_in,
    signed_out,
    step_cookie,
    visitor,
    wanted,
)
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit


def get_sign_in(visit: Visit) -> Answer:
    if visit.session is not None:
        return Away(wanted(visit))
    return _form(visit)


def _form(visit: Visit, errors: dict[str, str] | None = None, status: int = 200, sso: str = SSO) -> Screen:
    values = {"next": wanted(visit), "email": visit.form.get("email"), "errors": errors, "sso": sso}
    return Screen("account/sign-in.html", values, status)


def sign_in(visit: Visit) -> Answer:
    email, password = visit.form.get("email"), visit.form.whole("password")
    try:
        found = with_password(visit.app.database, email, password, visitor(visit), visit.now)
    except SingleSignOnRequired as error:
        return _form(visit, {"password": refused(visit, error)}, error.status, path_of(error.org_id))
    except (SignInFailed, TooManyAttempts) as error:
        return _form(visit, {"password": refused(visit, error)}, error.status)
    if isinstance(found, Chosen):
        return Screen("account/choose.html", {"choices": found.organizations, "next": wanted(visit)})
    return _on(visit, found)


def choose_organization(visit: Visit) -> Answer:
    try:
        found = choose(visit.app.database, visit.form.get("ticket"), visitor(visit), visit.now)
    except SingleSignOnRequired as error:
        # Browsers follow no form to somebody else's server: a link of this page leads there.
        return _form(visit, {"password": refused(visit, error)}, error.status, path_of(error.org_id))
    except SignInFailed:
        # It took too long, or was chosen before: begin anew.
        return Away(f"{SIGN_IN}?next={quote(wanted(visit), safe='')}")
    return _on(visit, found)


def _on(visit: Visit, found: SignedIn | NeedsFactor) -> Away:
    if isinstance(found, NeedsFactor):
        return Away(f"{CODE}?next={quote(wanted(visit), safe='')}", cookies=(step_cookie(visit, found.ticket),))
    return signed_in(visit, found, wanted(visit))


def sign_out(visit: Visit) -> Answer:
    end_session(visit)
    return signed_out(visit, SIGN_IN, "signed-out")


def set_language(visit: Visit) -> Answer:
    """Kept by the browser: also for those who are not signed in."""
    name = visit.names["name"]
    chosen = (cookies.written(cookies.LANGUAGE, name, visit.is_secure, cookies.YEAR),) if name in LANGUAGES else ()
    return Away(wanted(visit), cookies=chosen)
