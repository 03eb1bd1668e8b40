"""The fraud guard over all organizations: what is in force, whom it has stopped, and when."""

from __future__ import annotations

from typing import NamedTuple

from talktime.core.fraud import Guard
from talktime.core.ids import org_name
from talktime.portal.forms import whole_number
from talktime.portal.operator.limits import guard_in_force
from talktime.portal.operator.ours import SHOWN, everywhere, organizations_of
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.reports import blocks, organizations
from talktime.storage.org_store import Organization

BLOCKED_MAX, LATELY = 200, 20


class InForce(NamedTuple):
    org: Organization
    guard: Guard


def get_guard(visit: Visit) -> Answer:
    after = visit.query.get("cursor")
    orgs = everywhere(visit, organizations.page, SHOWN + 1, whole_number(after))
    blocked = everywhere(visit, blocks.in_force, BLOCKED_MAX)
    lately = everywhere(visit, blocks.everywhere, LATELY, None)
    values = {
        "guards": [InForce(org, guard_in_force(org)) for org in orgs[:SHOWN]],
        "next": str(orgs[SHOWN - 1].org_id) if len(orgs) > SHOWN else None,
        "blocked": blocked,
        "lately": lately,
        "organizations": organizations_of(visit, {one.org_id for one in blocked} | {one.org_id for one in lately}),
        "org_name": org_name,
    }
    return Screen("operator/fraud.html", values)
