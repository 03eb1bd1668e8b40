"""Price lists: what there is, what it says, what a draft would change, and when it begins."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from talktime.actions import prices
from talktime.core.prices import Row
from talktime.portal.forms import whole_number
from talktime.portal.operator.files import CSV, BadLine, bad_lines, sent_file
from talktime.portal.operator.ours import EVERYTHING, whole, wrong
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit
from talktime.storage.database import ReadTx
from talktime.web.price_list_forms import row_body
from talktime.web.problems import Problem

HERE, API = "/operator/price-lists", "/v1/operator/price-lists"
ROWS_SHOWN = 100


def get_lists(visit: Visit) -> Answer:
    return Screen("operator/price-lists.html", {"lists": visit.ask(API, limit=EVERYTHING)["data"]})


def get_list(visit: Visit) -> Answer:
    return _list(visit)


def _list(visit: Visit, errors: dict[str, str] | None = None) -> Answer:
    one, part = visit.ask(_path(visit)), visit.query.get("q")
    version = visit.query.get("version")
    rows = _found(visit, part, version) if part else _rows(visit, version)
    values = {"list": one, "rows": rows["data"], "next": rows["next"], "version": version, "errors": errors, "q": part}
    return Screen("operator/price-list.html", values | {"draft": draft_of(one)}, 422 if errors else 200)


def _rows(visit: Visit, version: str) -> Any:
    query = {"limit": ROWS_SHOWN, "cursor": visit.query.maybe("cursor"), "version": version}
    return visit.ask(f"{_path(visit)}/rows", **query)


def _found(visit: Visit, part: str, version: str) -> Any:
    """Rows of a destination, or those that may price a number."""

    def look(tx: ReadTx) -> list[Row]:
        known = prices.found(tx, visit.names["id"])
        return prices.rows(tx, known, whole_number(version), visit.now)

    digits = part.lstrip("+").replace(" ", "")
    fits = (lambda row: digits.startswith(row.prefix)) if digits.isdecimal() else _called(part)
    rows = [row for row in visit.app.database.read((), look) if fits(row)]
    return {"data": [msgspec.to_builtins(row_body(row)) for row in rows[:ROWS_SHOWN]], "next": None}


def _called(part: str) -> Callable[[Row], bool]:
    return lambda row: part.casefold() in row.destination.casefold()


def _path(visit: Visit) -> str:
    return f"{API}/{visit.named('id')}"


def draft_of(one: Any) -> Any:
    return next((version for version in one["versions"] if version["state"] == "draft"), None)


def change(visit: Visit) -> Answer:
    """Its name, and whether it is the default of its currency."""
    try:
        body = {"name": visit.form.needed("name"), "default": visit.form.is_on("default")}
        visit.send("PATCH", _path(visit), body)
    except Problem as problem:
        return _list(visit, visit.errors(problem))
    return Away(f"{HERE}/{visit.named('id')}", "saved")


# ---------------------------------------------------------------- a file comes in


def get_new(visit: Visit) -> Answer:
    return _importing(visit, None, {"name": "", "currency": "USD", "charge_decimals": "4", "default": False})


def get_import(visit: Visit) -> Answer:
    return _importing(visit, visit.ask(_path(visit)), {})


def _importing(
    visit: Visit,
    one: Any,
    entered: dict[str, Any],
    errors: dict[str, str] | None = None,
    bad: list[BadLine] | None = None,
) -> Answer:
    values = {"list": one, "entered": entered, "errors": errors, "bad": bad or []}
    return Screen("operator/price-import.html", values, 422 if errors else 200)


def create(visit: Visit) -> Answer:
    """Of a file: nothing is in force before it is published."""
    form = visit.form
    entered = {name: form.get(name) for name in ("name", "currency", "charge_decimals")}
    try:
        for name in entered:
            form.needed(name)
        whole(visit, "charge_decimals", 0, 6)
        asked = entered | {"currency": entered["currency"].upper()}
        made = visit.upload("POST", API, sent_file(visit), CSV, **asked)
    except Problem as problem:
        return _refused(visit, None, entered, problem)
    return Away(f"{HERE}/{made['id']}/draft", "drafted")


def import_version(visit: Visit) -> Answer:
    one = visit.ask(_path(visit))
    try:
        visit.upload("PUT", _path(visit), sent_file(visit), CSV)
    except Problem as problem:
        return _refused(visit, one, {}, problem)
    return Away(f"{HERE}/{one['id']}/draft", "drafted")


def _refused(visit: Visit, one: Any, entered: dict[str, Any], problem: Problem) -> Answer:
    bad = bad_lines(visit, problem)
    errors = {"": ""} if bad else visit.errors(problem)
    return _importing(visit, one, entered, errors, bad)


def create_illustrative(visit: Visit) -> Answer:
    """Something to begin with: made-up prices for every country."""
    made = visit.send("POST", f"{API}/illustrative", {}, secrets.token_urlsafe(18))
    return Away(f"{HERE}/{made['id']}/draft", "drafted")


# ---------------------------------------------------------------- compared and published


def get_draft(visit: Visit) -> Answer:
    return _draft(visit)


def _draft(visit: Visit, errors: dict[str, str] | None = None) -> Answer:
    one = visit.ask(_path(visit))
    draft = draft_of(one)
    if draft is None:
        return Away(f"{HERE}/{one['id']}")
    values = {
        "list": one,
        "draft": draft,
        "difference": visit.ask(f"{_path(visit)}/preview"),
        "errors": errors,
        "at": visit.form.get("at"),
        "when": visit.form.get("when") or "now",
    }
    return Screen("operator/price-draft.html", values, 422 if errors else 200)


def publish(visit: Visit) -> Answer:
    """Now, or at an instant of UTC."""
    try:
        at = _instant(visit) if visit.form.get("when") == "later" else None
        visit.send("POST", f"{_path(visit)}/publish", {"at": at})
    except Problem as problem:
        return _draft(visit, visit.errors(problem))
    return Away(f"{HERE}/{visit.named('id')}", "scheduled" if at else "published")


def _instant(visit: Visit) -> str:
    text = visit.form.needed("at")
    try:
        return f"{datetime.fromisoformat(text).replace(tzinfo=None).isoformat()}Z"
    except ValueError as error:
        raise wrong("no_moment", "at") from error


def get_comparison(visit: Visit) -> Answer:
    """From this list to another."""
    one, other = visit.ask(_path(visit)), visit.query.get("with")
    others = [known for known in visit.ask(API, limit=EVERYTHING)["data"] if known["id"] != one["id"]]
    chosen = next((known for known in others if known["id"] == other), None)
    difference = visit.ask(f"{_path(visit)}/compare", **{"with": other}) if chosen else None
    values = {"list": one, "others": others, "other": chosen, "difference": difference}
    return Screen("operator/price-comparison.html", values)
