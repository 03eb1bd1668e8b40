"""Home: where everything stands, and what to do next."""

from __future__ import annotations

from talktime.portal.billing.banner import banner_of
from talktime.portal.billing.purse import Purse
from talktime.portal.home.checklist import checklist_of
from talktime.portal.pages import Answer, Screen, get
from talktime.portal.visit import Visit

NOTICES_SHOWN = 6


def get_home(visit: Visit) -> Answer:
    purse = Purse(visit) if visit.may("funds.see") else None
    values = {
        "purse": purse,
        "banner": banner_of(visit, purse) if purse else None,
        "notices": visit.ask("/v1/notices", limit=NOTICES_SHOWN)["data"] if visit.may("reports.see") else [],
        "todo": checklist_of(visit),
    }
    return Screen("home/home.html", values)


PAGES = [get("/", get_home)]
