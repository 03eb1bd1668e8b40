"""The story of a call: how it was decided, what was held, what it cost and who paid when."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from talktime.core.calls import CallState
from talktime.portal.calls.lines import lines_of
from talktime.portal.calls.running import running
from talktime.portal.calls.spans import begun_at, ended_at, pool_seconds, span_of, talked
from talktime.portal.calls.steps import steps_of
from talktime.portal.calls.verdict import verdict_of
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.reports import calls
from talktime.web.problems import Problem


def get_story(visit: Visit) -> Answer:
    call = visit.read(calls.find, visit.org_id, visit.query.get("id"))
    if call is None:
        raise Problem(404, "not_found")
    told = visit.ask(f"/v1/calls/{quote(call.call_id, safe='')}")
    line = lines_of(visit, [call])[0]
    now = running(line, visit.today) if call.state is CallState.OPEN else None
    values: dict[str, Any] = {
        "story": told,
        "line": line,
        "call": call,
        "now": now,
        "verdict": verdict_of(visit, line),
        "steps": steps_of(visit, line, told["checks"]),
        "span": span_of(visit, call, now),
        "seconds": talked(call, now),
        "pool_seconds": pool_seconds(call, now),
        "begun_at": begun_at(call),
        "ended_at": ended_at(call, now),
    }
    return Screen("calls/story.html", values)
