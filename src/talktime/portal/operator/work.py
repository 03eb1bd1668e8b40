"""Long work, and what could not be delivered."""

from __future__ import annotations

from talktime.core.ids import org_number
from talktime.portal.operator.ours import SHOWN, one_of, organizations_of
from talktime.portal.operator.words import who_names
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.visit import Visit

HERE = "/operator/jobs"
DELIVERIES = "/v1/operator/deliveries"
STATES = ("parked", "waiting", "sent")


def get_jobs(visit: Visit) -> Answer:
    state = one_of(visit.query.get("state"), STATES) or STATES[0]
    jobs = visit.ask("/v1/operator/jobs", limit=SHOWN, cursor=visit.query.maybe("cursor"))
    deliveries = visit.ask(DELIVERIES, limit=SHOWN, state=state, cursor=visit.query.maybe("more"))
    found = {one["organization"] for one in (*jobs["data"], *deliveries["data"]) if one["organization"]}
    values = {
        "jobs": jobs["data"],
        "next": jobs["next"],
        "state": state,
        "deliveries": deliveries["data"],
        "more": deliveries["next"],
        "organizations": organizations_of(visit, [org_number(name) or 0 for name in found]),
        "org_number": org_number,
        "names": who_names(visit),
    }
    return Screen("operator/jobs.html", values)


def replay(visit: Visit) -> Answer:
    """Once more, under the same id."""
    visit.send("POST", f"{DELIVERIES}/{visit.named('org')}/{visit.named('id')}/replay", {})
    return Away(HERE, "sent")
