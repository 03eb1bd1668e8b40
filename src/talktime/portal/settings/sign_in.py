"""How members sign in: how long passwords are, who needs a second factor, and the organization's own server for it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from talktime.actions import sign_in_rules, single_sign_on
from talktime.actions.errors import Invalid
from talktime.actions.single_sign_on import Wanted
from talktime.core.sign_in_rules import PASSWORD_LENGTH_LEAST, PASSWORD_LENGTH_MOST, SecondFactor, SignInRules
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, Question, asked, errors_of, written
from talktime.portal.visit import Visit
from talktime.reports import sign_in_rules as reports

HERE = "/settings/sign-in"
RULES, SSO, OFF = f"{HERE}/rules", f"{HERE}/single-sign-on", f"{HERE}/single-sign-on/off"
FACTORS: dict[str, SecondFactor] = {"required": "required", "optional": "optional"}


class Wish(Struct, frozen=True):
    """What is in the fields of single sign-on. The secret is never shown again."""

    issuer: str = ""
    client_id: str = ""
    enforced: bool = False


def _rules(visit: Visit) -> SignInRules:
    return visit.read(reports.rules_of, visit.org_id)


def get_sign_in(visit: Visit) -> Answer:
    begin = visit.app.settings.reached_at + single_sign_on.path_of(visit.org_id)
    return Screen("settings/sign-in.html", {"rules": _rules(visit), "begin": begin})


def get_rules(visit: Visit) -> Answer:
    rules = _rules(visit)
    return _rules_form({"second_factor": rules.second_factor, "password_length": str(rules.password_length)})


def _rules_form(wish: dict[str, str], errors: dict[str, str] | None = None) -> Answer:
    bounds = {"least": PASSWORD_LENGTH_LEAST, "most": PASSWORD_LENGTH_MOST}
    return Screen("settings/sign-in-rules.html", {"wish": wish, "errors": errors, **bounds}, 422 if errors else 200)


def save_rules(visit: Visit) -> Answer:
    wish = {name: visit.form.get(name) for name in ("second_factor", "password_length")}
    try:
        factor, length = FACTORS.get(wish["second_factor"]), visit.form.needed("password_length")
        if factor is None:
            raise Invalid("invalid", "second_factor")
        written(visit, sign_in_rules.change, factor, _number(length), visit.actor)
    except REFUSED as error:
        return _rules_form(wish, errors_of(visit, error))
    return Away(HERE, "saved")


def _number(text: str) -> int:
    """What is no number is as wrong as none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def get_single_sign_on(visit: Visit) -> Answer:
    sso = _rules(visit).sso
    return _sso_form(visit, Wish(sso.issuer, sso.client_id, sso.enforced) if sso else Wish())


def _sso_form(visit: Visit, wish: Wish, errors: dict[str, str] | None = None, answers: str = "") -> Answer:
    values: dict[str, Any] = {
        "wish": wish,
        "errors": errors,
        "answers": answers,
        "has_secret": visit.read(reports.has_secret, visit.org_id),
        "returns_to": single_sign_on.returns_to(visit.app.settings.reached_at, visit.org_id),
        "is_on": _rules(visit).sso is not None,
    }
    return Screen("settings/single-sign-on.html", values, 422 if errors else 200)


def save_single_sign_on(visit: Visit) -> Answer:
    """The server is asked first, so that nobody is sent to one that does not answer."""
    form, app = visit.form, visit.app
    wish = Wish(form.get("issuer"), form.get("client_id"), form.is_on("enforced"))
    try:
        issuer = single_sign_on.check(app.identity, visit.form.needed("issuer"))
        if form.get("do") == "check":
            return _sso_form(visit, wish, answers=issuer)
        # An empty field keeps the secret; a server that gives none has its own box.
        secret = "" if form.is_on("no_secret") else form.whole("client_secret") or None
        client_id = visit.form.needed("client_id")
        wanted = Wanted(issuer=issuer, client_id=client_id, client_secret=secret, enforced=wish.enforced)
        app.database.write(
            visit.org_id, single_sign_on.save, app.vault, app.identity, visit.org_id, wanted, visit.actor
        )
    except REFUSED as error:
        return _sso_form(visit, wish, errors_of(visit, error))
    return Away(HERE, "saved")


def ask_to_switch_off(visit: Visit) -> Answer:
    _ = visit.say
    text = _("Everybody signs in with a password again. Who has none asks for one by e-mail.")
    title, label = _("Switch single sign-on off?"), _("Switch off")
    return asked(Question((HERE, _("Sign-in")), title, text, label, HERE))


def switch_off(visit: Visit) -> Answer:
    written(visit, single_sign_on.switch_off, visit.actor)
    return Away(HERE, "saved")
