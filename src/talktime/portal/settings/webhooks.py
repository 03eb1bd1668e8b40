"""Servers that hear of events: added, tried, looked after."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from talktime.core.notices import EVENTS
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, Question, asked, chosen, errors_of
from talktime.portal.visit import Visit

HERE, API = "/settings/webhooks", "/v1/webhooks"
SHOWN = 20


class Wish(Struct, frozen=True):
    """What is in the fields."""

    url: str
    events: list[str]


def get_webhooks(visit: Visit) -> Answer:
    return Screen("settings/webhooks.html", {"webhooks": visit.ask(API)["data"]})


def get_new(visit: Visit) -> Answer:
    return _form(Wish("", [*EVENTS]))


def _form(wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    values = {"wish": wish, "errors": errors, "events": [*EVENTS]}
    return Screen("settings/new-webhook.html", values, 422 if errors else 200)


def add(visit: Visit) -> Answer:
    """Answered with the secret itself: no other page shows it."""
    wish = Wish(visit.form.get("url"), visit.form.all("events"))
    try:
        made = visit.send("POST", API, _body(visit))
    except REFUSED as error:
        return _form(wish, errors_of(visit, error))
    return _secret(made)


def _body(visit: Visit) -> dict[str, Any]:
    return {"url": visit.form.needed("url"), "events": chosen(visit, "events")}


def _secret(made: Any) -> Answer:
    return Screen("settings/webhook-secret.html", {"made": made})


def get_webhook(visit: Visit) -> Answer:
    told = visit.ask(_path(visit))
    return _shown(visit, told, Wish(told["url"], told["events"]))


def _path(visit: Visit) -> str:
    return f"{API}/{visit.named('id')}"


def _page(visit: Visit) -> str:
    return f"{HERE}/{visit.named('id')}"


def _shown(visit: Visit, webhook: Any, wish: Wish, errors: dict[str, str] | None = None) -> Answer:
    values = {"webhook": webhook, "wish": wish, "errors": errors, "events": [*EVENTS], **_deliveries(visit)}
    return Screen("settings/webhook.html", values, 422 if errors else 200)


def _deliveries(visit: Visit) -> dict[str, Any]:
    told = visit.ask(f"{_path(visit)}/deliveries", limit=SHOWN, cursor=visit.query.get("cursor"))
    return {"page": _page(visit), "deliveries": told["data"], "next": told["next"]}


def get_deliveries(visit: Visit) -> Answer:
    """What moves while somebody looks."""
    return Screen("settings/deliveries.html", _deliveries(visit))


def change(visit: Visit) -> Answer:
    wish = Wish(visit.form.get("url"), visit.form.all("events"))
    try:
        visit.send("PATCH", _path(visit), _body(visit))
    except REFUSED as error:
        return _shown(visit, visit.ask(_path(visit)), wish, errors_of(visit, error))
    return Away(_page(visit), "saved")


def try_it(visit: Visit) -> Answer:
    visit.send("POST", f"{_path(visit)}/test")
    return Away(_page(visit), "sending")


def replay(visit: Visit) -> Answer:
    visit.send("POST", f"{_path(visit)}/deliveries/{visit.named('delivery')}/replay")
    return Away(_page(visit), "sending")


def ask_to_rotate(visit: Visit) -> Answer:
    _ = visit.say
    text = _("The new secret is shown once. The old one signs along for 24 hours, so that the receiver can be changed.")
    return asked(_question(visit, _("Make a new secret?"), text, _("Make a new secret"), is_grave=False))


def rotate(visit: Visit) -> Answer:
    return _secret(visit.send("POST", f"{_path(visit)}/rotate"))


def ask_to_remove(visit: Visit) -> Answer:
    _ = visit.say
    text = _("Nothing is sent to it any more, nor what still waits for it.")
    return asked(_question(visit, _("Remove this webhook?"), text, _("Remove"), is_grave=True))


def remove(visit: Visit) -> Answer:
    visit.send("DELETE", _path(visit))
    return Away(HERE, "removed")


def _question(visit: Visit, title: str, text: str, label: str, *, is_grave: bool) -> Question:
    """Of a webhook that is there."""
    _ = visit.say
    section = (HERE, _("Webhooks"))
    return Question(section, title, f"{visit.ask(_path(visit))['url']}: {text}", label, _page(visit), is_grave)
