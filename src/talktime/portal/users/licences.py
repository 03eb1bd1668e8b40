"""Licences of the organization: how many there are, and how many are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from talktime.actions import people
from talktime.actions.people import Stock
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem

HERE = "/users/licences"
QUANTITY_MAX = 100_000_000


def get_licences(visit: Visit) -> Answer:
    stock = [one for one in visit.read(people.stock, visit.org_id) if one.is_owned or not one.is_sold]
    short = [one for one in stock if one.free is not None and one.free < 0]
    return Screen("users/licences.html", {"stock": stock, "short": short})


def get_quantities(visit: Visit) -> Answer:
    return _quantities(visit)


def _quantities(visit: Visit, errors: Mapping[str, str] | None = None) -> Answer:
    sold = [one for one in visit.read(people.stock, visit.org_id) if one.is_sold]
    entered = {one.code: visit.form.get(one.code) if errors else text_of(one) for one in sold}
    owned, others = [one for one in sold if one.is_owned], [one for one in sold if not one.is_owned]
    values: dict[str, Any] = {
        "owned": owned,
        "others": others,
        "is_open": not owned or any(one.code in (errors or ()) for one in others),
        "entered": entered,
        "errors": errors,
    }
    return Screen("users/quantities.html", values, 422 if errors else 200)


def text_of(one: Stock) -> str:
    """Nothing stands for any number."""
    return "" if one.purchased is None else str(one.purchased)


def save_quantities(visit: Visit) -> Answer:
    _ = visit.say
    sold = [one for one in visit.read(people.stock, visit.org_id) if one.is_sold]
    changed = [one.code for one in sold if one.code in visit.form and visit.form.get(one.code) != text_of(one)]
    texts = {code: visit.form.get(code) for code in changed}
    if wrong := [code for code, text in texts.items() if text and not _is_quantity(text)]:
        return _quantities(visit, dict.fromkeys(wrong, _("A whole number, or nothing for any number.")))
    try:
        visit.send("PUT", "/v1/licences", {code: int(text) if text else None for code, text in texts.items()})
    except Problem as problem:
        return _quantities(visit, visit.errors(problem))
    return Away(HERE, "saved")


def _is_quantity(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) <= QUANTITY_MAX
