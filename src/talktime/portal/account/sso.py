"""Signing in through the organization's own server: there, and back again."""

from __future__ import annotations

from urllib.parse import quote

import structlog

from talktime.actions import sso_links, sso_sign_in, tickets
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.errors import ActionError
from talktime.actions.sign_in import NeedsFactor
from talktime.actions.single_sign_on import path_of
from talktime.actions.sso_sign_in import LASTS, Arrived, Doors, NotSignedIn
from talktime.core.emails import is_email
from talktime.core.ids import org_number
from talktime.core.time import SECOND
from talktime.portal import cookies
from talktime.portal.account.refusals import refused
from talktime.portal.account.ways import CODE, SSO, signed_in, step_cookie, visitor, wanted
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit

UNDERWAY, LAST = "talktime_sso", "talktime_sso_last"
"""What the browser keeps until it is back; and where it signed in the last time."""
NOBODY = -1
ORG_LENGTH_MAX = 30
OF_THE_PERSON = ("sso_not_a_member", "sso_other_account", "sso_no_email")
"""Who is signed in over there as somebody else is asked again who he is."""
log = structlog.get_logger("talktime.portal")


def get_find(visit: Visit) -> Answer:
    return _find(visit)


def _find(visit: Visit, errors: dict[str, str] | None = None, status: int = 200) -> Screen:
    last = org_number(_told(visit, LAST))
    told = {"email": visit.form.get("email"), "errors": errors, "next": wanted(visit)}
    return Screen("account/sso.html", told | {"last": last and path_of(last)}, status)


def find(visit: Visit) -> Answer:
    """Whether anybody has this address is told to its mailbox alone."""
    email = visit.form.get("email")
    if not is_email(email):
        return _find(visit, {"email": visit.say("This is no e-mail address.")}, 422)
    try:
        sso_links.ask(visit.app.database, visit.app.vault, email, visit.address, visit.now)
    except TooManyAttempts as error:
        return _find(visit, {"email": refused(visit, error)}, error.status)
    return Screen("account/sso-sent.html", {"email": email})


def by_mail(visit: Visit) -> Answer:
    """The letter only says where: what the link opens is the other server's business."""
    return Away(path_of(tickets.org_of(visit.names["ticket"])))


def begin(visit: Visit) -> Answer:
    try:
        again = bool(visit.query.get("again"))
        sent = sso_sign_in.begin(_doors(visit), _org(visit), wanted(visit), visit.now, again)
    except NotSignedIn as error:
        return _failed(visit, error)
    return Away(sent.url, cookies=(_kept(visit, UNDERWAY, sent.cookie, LASTS // SECOND),))


def back(visit: Visit) -> Answer:
    query, kept = visit.query, _told(visit, UNDERWAY)
    answer = sso_sign_in.Answer(query.get("state"), query.get("code"), query.get("error"), query.get("iss"))
    try:
        arrived = sso_sign_in.finish(_doors(visit), _org(visit), kept, answer, visitor(visit), visit.now)
    except (NotSignedIn, TooManyAttempts) as error:
        return _failed(visit, error)
    return _on(visit, arrived)


def _on(visit: Visit, arrived: Arrived) -> Away:
    told = (_kept(visit, UNDERWAY, "", 0), _kept(visit, LAST, visit.names["org"], cookies.YEAR))
    if isinstance(arrived.signed_in, NeedsFactor):
        code = f"{CODE}?next={quote(arrived.next, safe='')}"
        return Away(code, cookies=(step_cookie(visit, arrived.signed_in.ticket), *told))
    away = signed_in(visit, arrived.signed_in, arrived.next)
    return Away(away.path, cookies=(*away.cookies, *told))


def _failed(visit: Visit, error: NotSignedIn | TooManyAttempts) -> Screen:
    if isinstance(error, NotSignedIn):
        told = {"organization": visit.names["org"][:ORG_LENGTH_MAX], "code": error.code, "detail": error.detail}
        log.warning("single sign-on failed", request_id=visit.request_id, **told)
    return Screen(
        "account/sso-failed.html", {"why": refused(visit, error), "again": _again(visit, error)}, error.status
    )


def _again(visit: Visit, error: ActionError) -> str:
    if error.code == "sso_not_set_up":
        return SSO
    begin = path_of(_org(visit))
    return f"{begin}?again=1" if error.code in OF_THE_PERSON else begin


def _org(visit: Visit) -> int:
    """One that there is not is one without single sign-on."""
    return org_number(visit.names["org"]) or NOBODY


def _doors(visit: Visit) -> Doors:
    app = visit.app
    return Doors(app.database, app.vault, app.identity, app.settings.reached_at)


def _kept(visit: Visit, name: str, value: str, seconds: int) -> str:
    return cookies.written(name, value, visit.is_secure, seconds)


def _told(visit: Visit, name: str) -> str:
    return visit.cookies.get(cookies.named(name, visit.is_secure), "")
