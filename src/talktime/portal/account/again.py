"""Saying again who one is."""

from __future__ import annotations

from talktime.actions import second_factor
from talktime.actions.again import prove_by_password
from talktime.actions.attempts import TooManyAttempts
from talktime.actions.sign_in import SignInFailed
from talktime.actions.single_sign_on import takes_password, way_in
from talktime.portal.account.refusals import refused
from talktime.portal.account.ways import renewed, wanted
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit


def get_again(visit: Visit) -> Answer:
    return _form(visit)


def _form(visit: Visit, errors: dict[str, str] | None = None, status: int = 200) -> Screen:
    """By the password, by a code, at the organization's own server, or by whichever of them there is."""
    me, read = visit.me, visit.app.database.read
    factor = read(me.org_id, second_factor.factor_of, me.org_id, me.member.member_id)
    has_code, sso = factor.since is not None, read(me.org_id, way_in, me.org_id)
    has_password = factor.has_password and read(me.org_id, takes_password, me.org_id, me.member)
    by_code = has_code and (_is_by_code(visit) or not has_password)
    told = {"has_code": has_code, "has_password": has_password, "by_code": by_code, "sso": sso}
    return Screen("account/again.html", {"next": wanted(visit), "errors": errors, **told}, status)


def again(visit: Visit) -> Answer:
    name = "code" if _is_by_code(visit) else "password"
    try:
        _prove(visit, visit.form.whole(name))
    except (SignInFailed, TooManyAttempts) as error:
        return _form(visit, {name: refused(visit, error)}, error.status)
    return Away(wanted(visit), cookies=(renewed(visit),))


def _prove(visit: Visit, secret: str) -> None:
    app, me = visit.app, visit.me
    if _is_by_code(visit):
        second_factor.prove_by_code(app.database, app.vault, me, secret, visit.address, visit.now)
    else:
        prove_by_password(app.database, me, secret, visit.address, visit.now)


def _is_by_code(visit: Visit) -> bool:
    return "code" in (visit.form.get("by"), visit.query.get("by"))
