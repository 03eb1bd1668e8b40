"""The second factor: the step at signing in, and the page on which it is set up."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import segno
from markupsafe import Markup

from talktime.actions import second_factor
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.errors import ActionError
from talktime.actions.sign_in import SignInFailed
from talktime.portal.account.refusals import refused
from talktime.portal.account.ways import SIGN_IN, signed_in, step_of, visitor, wanted
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit

HERE = "/me/second-factor"


def get_code(visit: Visit) -> Answer:
    return _code(visit) if step_of(visit) else _anew(visit)


def _code(visit: Visit, errors: dict[str, str] | None = None, status: int = 200) -> Screen:
    return Screen("account/code.html", {"next": wanted(visit), "errors": errors}, status)


def _anew(visit: Visit) -> Away:
    return Away(f"{SIGN_IN}?next={quote(wanted(visit), safe='')}")


def enter_code(visit: Visit) -> Answer:
    app, ticket = visit.app, step_of(visit)
    try:
        code = visit.form.get("code")
        made = second_factor.finish(app.database, app.vault, ticket, code, visitor(visit), visit.now)
    except (SignInFailed, TooManyAttempts) as error:
        return _code(visit, {"code": refused(visit, error)}, error.status)
    return signed_in(visit, made, wanted(visit)) if made else _anew(visit)


def get_factor(visit: Visit) -> Answer:
    return _factor(visit)


def _factor(visit: Visit, errors: dict[str, str] | None = None) -> Screen:
    me, app = visit.me, visit.app
    factor = app.database.read(me.org_id, second_factor.factor_of, me.org_id, me.member.member_id)
    values = {"factor": factor, "errors": errors, "next": wanted(visit)}
    if factor.since is None:
        made = app.database.read(me.org_id, second_factor.enrolment, app.vault, me, _issuer(visit))
        values |= {"picture": picture(made.link), "spelled": made.spelled, "link": made.link}
    return Screen("account/factor.html", values, 422 if errors else 200)


def _issuer(visit: Visit) -> str:
    """As the app names it in its list."""
    return f"Talktime ({visit.org.name})" if visit.org and not visit.is_operator else "Talktime"


def picture(link: str) -> Markup:
    """Black on white, also in the dark: not every camera reads the opposite."""
    code = segno.make(link, error="m", micro=False)
    return Markup(code.svg_inline(scale=4, border=3, dark="#000", light="#fff", omitsize=True))


def enrol(visit: Visit) -> Answer:
    me, app = visit.me, visit.app
    try:
        made = app.database.write(me.org_id, second_factor.enrol, app.vault, me, visit.form.get("code"), visit.now)
    except ActionError as error:
        return _factor(visit, {"code": refused(visit, error)})
    return _told(visit, made)


def renew_codes(visit: Visit) -> Answer:
    me, app = visit.me, visit.app
    return _told(visit, app.database.write(me.org_id, second_factor.renew_recovery_codes, app.vault, me, visit.now))


def _told(visit: Visit, made: Sequence[str]) -> Screen:
    """Once: they are kept nowhere."""
    return Screen("account/recovery-codes.html", {"codes": made, "next": wanted(visit)})


def remove(visit: Visit) -> Answer:
    try:
        visit.app.database.write(visit.me.org_id, second_factor.remove, visit.me, visit.now)
    except ActionError as error:
        return _factor(visit, {"": refused(visit, error)})
    return Away("/me", "factor-removed")
