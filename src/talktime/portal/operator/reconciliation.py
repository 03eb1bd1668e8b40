"""Where providers and our books differ: looked at by people, and closed with what came of it."""

from __future__ import annotations

from typing import Any

from talktime.core.ids import org_number
from talktime.portal.operator.ours import EVERYTHING, SHOWN, organizations_of
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem

HERE, API = "/operator/reconciliation", "/v1/operator/reconciliation"


def get_items(visit: Visit) -> Answer:
    return _items(visit)


def _items(visit: Visit, done: Any = None, error: str = "") -> Answer:
    told = visit.ask(API, limit=SHOWN, cursor=visit.query.maybe("cursor"))
    numbers = [org_number(one["organization"] or "") or 0 for one in told["data"]]
    values = {
        "items": told["data"],
        "next": told["next"],
        "organizations": organizations_of(visit, numbers),
        "org_number": org_number,
        "done": done,
        "error": error,
    }
    return Screen("operator/reconciliation.html", values, 503 if error else 200)


def run(visit: Visit) -> Answer:
    """Its figures are told at once: nobody keeps them."""
    try:
        return _items(visit, visit.send("POST", API, {}))
    except Problem as problem:
        return _items(visit, error=visit.sentence(problem, problem.detail, problem.code))


def get_item(visit: Visit) -> Answer:
    return _item(visit)


def _item(visit: Visit, errors: dict[str, str] | None = None) -> Answer:
    item = next((one for one in visit.ask(API, limit=EVERYTHING)["data"] if one["id"] == visit.names["id"]), None)
    if item is None:
        raise Problem(404, "not_found")
    number = org_number(item["organization"] or "") or 0
    values = {
        "item": item,
        "org": organizations_of(visit, [number]).get(number),
        "errors": errors,
        "note": visit.form.get("note"),
    }
    return Screen("operator/difference.html", values, 422 if errors else 200)


def close(visit: Visit) -> Answer:
    try:
        body = {"note": visit.form.needed("note")}
        visit.send("POST", f"{API}/{visit.named('org')}/{visit.named('id')}/close", body)
    except Problem as problem:
        return _item(visit, visit.errors(problem))
    return Away(HERE, "saved")
