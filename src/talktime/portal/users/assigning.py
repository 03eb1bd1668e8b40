"""Licences for many users at once, chosen in the list or pasted. All or nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from talktime.actions import people
from talktime.actions.people import Stock
from talktime.portal.billing.options import lines
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.users import entry
from talktime.portal.visit import Visit
from talktime.reports.people import strangers
from talktime.web.problems import Problem

GIVE, TAKE = "give", "take"
USERS_MAX, CHOSEN_MAX = 1000, 50
STRANGERS_SHOWN = 10


class Wish(Struct, frozen=True):
    users: str = ""
    """One a line, as it was typed."""
    add: Sequence[str] = ()
    remove: Sequence[str] = ()

    def of(self, code: str) -> str:
        return GIVE if code in self.add else TAKE if code in self.remove else ""

    @property
    def names(self) -> list[str]:
        """People paste what their spreadsheet or their mail program has between the names."""
        parted = self.users.replace(",", "\n").replace(";", "\n").replace("\t", "\n")
        return [entry.known_as(name) for name in lines(parted)]


def get_assigning(visit: Visit) -> Answer:
    """`user`: an id, as the list of users sends them."""
    chosen = [_sign_in_name(visit, user_id) for user_id in visit.query.all("user")[:CHOSEN_MAX]]
    return _form(visit, Wish("\n".join(chosen)))


def _sign_in_name(visit: Visit, user_id: str) -> str:
    return str(visit.ask(f"/v1/users/{quote(user_id, safe='')}")["sign_in_name"])


def _form(visit: Visit, wish: Wish, errors: Mapping[str, str] | None = None) -> Answer:
    stock = visit.read(people.stock, visit.org_id)
    others = [one for one in stock if not one.is_owned and one.is_sold]
    values: dict[str, Any] = {
        "wish": wish,
        "owned": [one for one in stock if one.is_owned or not one.is_sold],
        "others": others,
        "is_open": any(wish.of(one.code) for one in others),
        "errors": errors,
    }
    return Screen("users/assign.html", values, 422 if errors else 200)


def assign(visit: Visit) -> Answer:
    wish = _wished(visit)
    if wrong := _wrong(visit, wish):
        return _form(visit, wish, wrong)
    try:
        body = {"users": wish.names, "add": wish.add, "remove": wish.remove}
        visit.send("POST", "/v1/licences/assign", body)
    except Problem as problem:
        return _form(visit, wish, visit.errors(problem))
    return Away("/users/licences", "assigned")


def _wished(visit: Visit) -> Wish:
    stock: list[Stock] = visit.read(people.stock, visit.org_id)
    said = {one.code: visit.form.get(one.code) for one in stock}
    add, remove = ([code for code, what in said.items() if what == wanted] for wanted in (GIVE, TAKE))
    return Wish(visit.form.get("users"), add, remove)


def _wrong(visit: Visit, wish: Wish) -> dict[str, str]:
    """What is said beside each field, in the reader's language."""
    _, wrong = visit.say, {}
    if not wish.add and not wish.remove:
        wrong["licences"] = _("Choose at least one licence to give or to take away.")
    if not wish.names:
        wrong["users"] = _("Name at least one user.")
    elif len(wish.names) > USERS_MAX:
        wrong["users"] = _("At most {count} users at once.", count=USERS_MAX)
    elif unknown := visit.read(strangers, visit.org_id, wish.names):
        wrong["users"] = _unknown(visit, unknown)
    return wrong


def _unknown(visit: Visit, names: Sequence[str]) -> str:
    _, shown = visit.say, ", ".join(names[:STRANGERS_SHOWN])
    more = len(names) - STRANGERS_SHOWN
    if more > 0:
        return _("Nobody is known by these names: {names}, and {more} more.", names=shown, more=more)
    return _.plural(
        "Nobody is known by this name: {names}.", "Nobody is known by these names: {names}.", len(names), names=shown
    )
