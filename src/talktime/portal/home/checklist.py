"""What is left to do until everything works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from talktime.portal.visit import Visit


class Step(NamedTuple):
    title: str
    text: str
    path: str
    label: str
    done: bool


def checklist_of(visit: Visit) -> list[Step]:
    """Nothing once all is done, or for those who may not do it."""
    steps = list(_steps(visit))
    return [] if all(step.done for step in steps) else steps


def _steps(visit: Visit) -> Iterator[Step]:
    _ = visit.say
    if visit.may("funds.change"):
        told = visit.ask("/v1/balance")
        text = _("By card or invoice. A small first amount is enough to watch a month or two.")
        yield Step(_("Add funds"), text, "/billing/credits/add", _("Add more funds"), told["credits_set_up"])
        text = _("So that calls never stop at the end of the money. Off until you switch it on.")
        is_on = told["recharge_state"] != "off"
        yield Step(_("Set up auto-recharge"), text, "/billing/credits/recharge", _("Auto recharge settings"), is_on)
    if visit.may("people.change"):
        users = visit.ask("/v1/users", limit=1)["data"]
        text = _("Everybody whose calls credits may pay needs the Communications Credits licence.")
        licensed = any(one["assigned"] for one in visit.ask("/v1/licences")["data"])
        yield Step(_("Assign licences"), text, "/users/licences", _("Assign licences"), bool(users) and licensed)
    if visit.may("numbers.change"):
        text = _("Toll numbers at once; toll-free numbers as soon as there are funds.")
        numbers = visit.ask("/v1/numbers", limit=1)["data"]
        yield Step(_("Add service numbers"), text, "/numbers", _("Add a number"), bool(numbers))
    if visit.may("settings.change"):
        text = _("Kamailio, FreeSWITCH, Asterisk, RADIUS or Diameter: create a key and try a first call.")
        switches = visit.ask("/v1/switches")["data"]
        yield Step(_("Connect a switch"), text, "/settings/switches", _("Connect a switch"), bool(switches))
