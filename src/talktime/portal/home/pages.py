"""Home: where everything stands, and what to do next."""

from __future__ import annotations

from typing import Any

from talktime.portal.billing.banner import banner_of
from talktime.portal.billing.purse import Purse
from talktime.portal.home.checklist import checklist_of
from talktime.portal.pages import Answer, Screen, get
from talktime.portal.visit import Visit

NOTICES_SHOWN, NOTICES_READ = 6, 50


def get_home(visit: Visit) -> Answer:
    purse = Purse(visit) if visit.may("funds.see") else None
    values = {
        "purse": purse,
        "banner": banner_of(visit, purse) if purse else None,
        "notices": _notices(visit) if visit.may("reports.see") else [],
        "todo": checklist_of(visit),
    }
    return Screen("home/home.html", values)


def _notices(visit: Visit) -> list[Any]:
    """Each once: the list has a row for every way on which it was told."""
    told = visit.ask("/v1/notices", limit=NOTICES_READ)["data"]
    return [one for one in told if one["channel"] == "banner"][:NOTICES_SHOWN]


PAGES = [get("/", get_home)]
