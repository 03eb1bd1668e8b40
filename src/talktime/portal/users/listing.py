"""Users and resource accounts: searched, filtered, one page after the other."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from talktime.actions import people
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.users import entry
from talktime.portal.visit import Visit

HERE = "/users/list"
FILTERS = ("q", "kind", "licence", "location", "blocked")


def to_list(visit: Visit) -> Answer:
    return Away(HERE)


def get_list(visit: Visit) -> Answer:
    wanted = {name: visit.query.get(name) for name in FILTERS}
    asked = wanted | {"q": entry.known_as(wanted["q"]), "cursor": visit.query.get("cursor")}
    told = visit.ask("/v1/users", **asked)
    stock = visit.read(people.stock, visit.org_id)
    values: dict[str, Any] = {
        "users": told["data"],
        "next": told["next"],
        "wanted": wanted,
        "is_filtered": any(wanted.values()),
        "query": urlencode({name: value for name, value in wanted.items() if value}),
        "names": {one.code: one.name for one in stock},
        "licences": [(one.code, one.name) for one in stock if one.is_owned],
    }
    return Screen("users/list.html", values)


def get_file(visit: Visit) -> Answer:
    return visit.file("/v1/users/export")
