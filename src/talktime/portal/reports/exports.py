"""Exports: every call of some days as a file, made in the background and kept for a week."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from talktime.core.time import moment
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.reports.ranges import CUSTOM, Range, day_in, last_days
from talktime.portal.visit import Visit
from talktime.web.problems import Problem

HERE = "/reports/exports"
FORMATS = ("csv", "parquet")


def get_exports(visit: Visit) -> Answer:
    usual = last_days(visit)
    entered = {"from": str(usual.first), "to": str(usual.last), "format": "csv", "own_carrier": ""}
    return _screen(visit, entered, None)


def _screen(visit: Visit, entered: dict[str, str], errors: dict[str, str] | None) -> Answer:
    values = {**_list(visit), "entered": entered, "errors": errors, "once": secrets.token_urlsafe(18)}
    return Screen("reports/exports.html", values, 422 if errors else 200)


def get_part(visit: Visit) -> Answer:
    """Asked for again while something is being made."""
    return Screen("reports/exports-list.html", _list(visit))


def _list(visit: Visit) -> dict[str, Any]:
    told = visit.ask("/v1/exports", cursor=visit.query.get("cursor"))
    exports = [{**one, "last_day": _last_day(one["to"])} for one in told["data"]]
    return {"exports": exports, "next": told["next"], "waits": any(one["status"] == "running" for one in exports)}


def _last_day(end: str) -> str:
    """The end is not part of it."""
    return (datetime.fromisoformat(end) - timedelta(seconds=1)).isoformat()


def make(visit: Visit) -> Answer:
    entered = {name: visit.form.get(name) for name in ("from", "to", "format", "own_carrier")}
    try:
        days = _days(visit)
        body = {
            "from": moment(days.begin).isoformat(),
            "to": moment(days.end).isoformat(),
            "format": entered["format"] if entered["format"] in FORMATS else FORMATS[0],
            "own_carrier": bool(entered["own_carrier"]),
        }
        visit.send("POST", "/v1/exports", body, visit.form.maybe("once"))
    except Problem as problem:
        return _screen(visit, entered, visit.errors(problem))
    return Away(HERE, "begun")


def _days(visit: Visit) -> Range:
    usual = last_days(visit)
    return Range(CUSTOM, day_in(visit, "from") or usual.first, day_in(visit, "to") or usual.last, visit.zone)


def download(visit: Visit) -> Answer:
    return visit.file(f"/v1/exports/{visit.named('id')}/download")
