"""Switches: made known, watched, and what is left to do until calls come through them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from talktime.actions.errors import Invalid
from talktime.core.scopes import Scope
from talktime.core.switches import SILENT_AFTER
from talktime.core.time import instant
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, Question, asked, errors_of
from talktime.portal.settings.keys import issued, networks_of
from talktime.portal.visit import Visit

HERE, API = "/settings/switches", "/v1/switches"
KINDS = ("kamailio", "freeswitch", "asterisk", "radius", "diameter", "other")
URL_LENGTH, TOKEN_LENGTH = 2000, 500


class Wish(Struct, frozen=True):
    """What is in the fields."""

    name: str = ""
    kind: str = KINDS[0]
    cut_url: str = ""
    with_key: bool = True
    addresses: str = ""


class Seen(Struct, frozen=True):
    """A switch, and how it is."""

    about: Any
    state: str
    """`heard`, `silent`, or `new` when it was never heard of."""


def _seen(visit: Visit, about: Any) -> Seen:
    if about["heard_at"] is None:
        return Seen(about, "new")
    heard_at = instant(datetime.fromisoformat(about["heard_at"]))
    return Seen(about, "heard" if visit.now - heard_at <= SILENT_AFTER else "silent")


def get_switches(visit: Visit) -> Answer:
    return Screen("settings/switches.html", _switches(visit))


def get_now(visit: Visit) -> Answer:
    """What moves while somebody looks."""
    return Screen("settings/switch-list.html", _switches(visit))


def _switches(visit: Visit) -> dict[str, Any]:
    told = visit.ask(API, cursor=visit.query.get("cursor"))
    return {"switches": [_seen(visit, one) for one in told["data"]], "next": told["next"]}


def get_new(visit: Visit) -> Answer:
    return _form(Wish())


def _form(wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    return Screen("settings/new-switch.html", {"wish": wish, "errors": errors, "kinds": KINDS}, 422 if errors else 200)


def add(visit: Visit) -> Answer:
    """With a key of its own, which is shown with the next steps, once."""
    form = visit.form
    flags = (form.get("cut_url"), form.is_on("with_key"), form.get("addresses"))
    wish = Wish(form.get("name"), form.get("kind") if form.get("kind") in KINDS else "other", *flags)
    try:
        body = {"name": visit.form.needed("name"), **_cutting(visit)}
        # Looked at before: a switch whose key cannot be made would have to be added twice.
        networks_of(wish.addresses)
        made = visit.send("POST", API, body)
    except REFUSED as error:
        return _form(wish, errors_of(visit, error))
    key = issued(visit, [Scope.CALLS], wish.addresses) if wish.with_key else None
    return Screen("settings/added-switch.html", {"switch": made, "kind": wish.kind, "key": key, **_address(visit)})


def _cutting(visit: Visit) -> dict[str, str]:
    """Where it is told to hang up. A token that is left empty stays as it is."""
    url, token = visit.form.get("cut_url"), visit.form.whole("cut_token")
    if len(url) > URL_LENGTH:
        raise Invalid("invalid_url", "cut_url")
    if len(token) > TOKEN_LENGTH:
        raise Invalid("invalid", "cut_token")
    return {name: value for name, value in (("cut_url", url), ("cut_token", token)) if value}


def _address(visit: Visit) -> dict[str, str]:
    return {"address": visit.app.settings.reached_at}


def get_switch(visit: Visit) -> Answer:
    told = visit.ask(_path(visit))
    return _shown(visit, told, told["cut_url"] or "")


def _path(visit: Visit) -> str:
    return f"{API}/{visit.named('name')}"


def _shown(visit: Visit, told: Any, cut_url: str, errors: dict[str, str] | None = None) -> Answer:
    kind = visit.query.get("kind") if visit.query.get("kind") in KINDS else "other"
    values = {"seen": _seen(visit, told), "cut_url": cut_url, "kind": kind, "kinds": KINDS, "errors": errors}
    return Screen("settings/switch.html", {**values, **_address(visit)}, 422 if errors else 200)


def change(visit: Visit) -> Answer:
    try:
        body = _cutting(visit)
        forgotten = {"cut_token": None} if visit.form.is_on("forget_token") else {}
        visit.send("PATCH", _path(visit), {"cut_url": None, **body, **forgotten})
    except REFUSED as error:
        return _shown(visit, visit.ask(_path(visit)), visit.form.get("cut_url"), errors_of(visit, error))
    return Away(f"{HERE}/named/{visit.named('name')}", "saved")


def ask_to_remove(visit: Visit) -> Answer:
    _, name = visit.say, visit.ask(_path(visit))["name"]
    text = _("Its calls go on. It comes back by itself when it is heard of again; to keep it out, revoke its key.")
    back = f"{HERE}/named/{visit.named('name')}"
    return asked(Question((HERE, _("Switches")), _("Remove the switch {name}?", name=name), text, _("Remove"), back))


def remove(visit: Visit) -> Answer:
    visit.send("DELETE", _path(visit))
    return Away(HERE, "removed")
