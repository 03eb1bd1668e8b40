"""Calls in progress: what each holds and costs while it runs, and the button that ends it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from talktime.actions.errors import NotFound, StateConflict
from talktime.actions.hang_ups import ask_hang_up
from talktime.core.time import moment
from talktime.portal import shown
from talktime.portal.calls.lines import lines_of
from talktime.portal.calls.running import Running, running, totals_of
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.times import Moment, StepChart, step_chart
from talktime.portal.visit import Visit
from talktime.reports import calls as reports
from talktime.reports import concurrency
from talktime.web.problems import Problem

HERE = "/calls/live"
READ_MAX, SHOWN_MAX = 1_000, 100
CHART_MINUTES, CHART_STEP = 60, 15
PAYERS = ("credits", "pool", "postpaid", "none")


def get_live(visit: Visit) -> Answer:
    return Screen("calls/live.html", {**_now(visit), "chart": busy_chart(visit), "errors": None})


def get_part(visit: Visit) -> Answer:
    """What moves while somebody looks: asked for again and again."""
    return Screen("calls/live-now.html", _now(visit))


def _now(visit: Visit) -> dict[str, Any]:
    found = visit.read(reports.newest, visit.org_id, READ_MAX, None, True)
    asked = visit.read(reports.asked_to_hang_up, visit.org_id, [call.call_id for call in found])
    all_calls = [running(line, visit.today, line.call.call_id in asked) for line in lines_of(visit, found)]
    who, payer = visit.query.get("who"), visit.query.get("payer")
    wanted = [one for one in all_calls if _fits(one, who) and payer in ("", one.payer)]
    return {
        "calls": wanted[:SHOWN_MAX],
        "found": len(wanted),
        "totals": totals_of(all_calls),
        "are_all": len(found) < READ_MAX,
        "who": who,
        "payer": payer,
        "payers": PAYERS,
        "paused": visit.query.is_on("paused"),
        "query": _query(who, payer),
        "available": visit.ask("/v1/balance")["available"] if visit.may("funds.see") else None,
    }


def _fits(one: Running, who: str) -> bool:
    digits = "".join(letter for letter in who if letter.isdigit())
    if who.casefold() in one.line.who.casefold() or who == one.call.call_id:
        return True
    return bool(digits) and any(digits in number for number in (one.line.caller, one.line.called))


def busy_chart(visit: Visit) -> StepChart:
    """The last hour."""
    busy = visit.read(concurrency.by_minute, visit.org_id, visit.today, CHART_MINUTES)
    said = {one.at: shown.clock(one.at, visit.zone, visit.language) for one in busy}
    moments = [Moment(moment(one.at), one.calls, said[one.at], _number(visit, one.calls)) for one in busy]
    below = [*(said[one.at] for one in busy[:-1:CHART_STEP]), said[busy[-1].at]]
    return step_chart(moments, moments[0].at, moments[-1].at, below, lambda value: _number(visit, value))


def _number(visit: Visit, value: int) -> str:
    return shown.number(value, visit.language)


def hang_up(visit: Visit) -> Answer:
    """A request to the switch: at once where it can be told, else at its next heartbeat."""
    call_id = visit.form.get("call")
    try:
        visit.app.database.write(visit.org_id, ask_hang_up, visit.org_id, call_id, visit.actor)
    except NotFound:
        return _refused(visit, {"": visit.say("This call is over already.")}, 409)
    except StateConflict as error:
        problem = Problem(error.status, error.code)
        return _refused(visit, visit.errors(problem), problem.status)
    visit.app.cut_off(visit.org_id, call_id=call_id)
    query = _query(visit.form.get("who"), visit.form.get("payer"))
    return Away(f"{HERE}?{query}" if query else HERE, "hung-up")


def _refused(visit: Visit, errors: dict[str, str], status: int) -> Answer:
    return Screen("calls/live.html", {**_now(visit), "chart": busy_chart(visit), "errors": errors}, status)


def _query(who: str, payer: str) -> str:
    return urlencode({name: value for name, value in (("who", who), ("payer", payer)) if value})
