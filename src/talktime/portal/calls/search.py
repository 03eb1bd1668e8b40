"""Find a call: by its id, a number or a user, its outcome and the day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from talktime.core.calls import Call, CallState, Refusal
from talktime.core.months import midnight
from talktime.portal import forms
from talktime.portal.calls.lines import lines_of
from talktime.portal.calls.words import call_state_name, refusal_name
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.reports import call_search, people
from talktime.reports import calls as reports
from talktime.reports.call_search import Found, Wanted
from talktime.web.lists import Page, cursor
from talktime.web.problems import Problem, invalid
from talktime.web.sentences import sentence

SHOWN, USERS_MAX, DIGITS_MIN = 50, 5, 3
BY_ID_MAX = 128
FIELDS = ("q", "outcome", "from", "to")
REFUSED = "refused:"


def get_search(visit: Visit) -> Answer:
    entered = {name: visit.query.get(name) for name in FIELDS}
    try:
        found = _found(visit, entered)
    except Problem as problem:
        return _screen(visit, entered, Found([], None, None), visit.errors(problem))
    return _screen(visit, entered, found)


def _screen(visit: Visit, entered: dict[str, str], found: Found, errors: dict[str, str] | None = None) -> Answer:
    values: dict[str, Any] = {
        "entered": entered,
        "asked": any(entered.values()),
        "outcomes": outcomes(visit),
        "lines": lines_of(visit, found.calls),
        "next": cursor(found.next) if found.next else None,
        "looked_back_to": found.looked_back_to,
        "query": urlencode({name: value for name, value in entered.items() if value}),
        "errors": errors,
    }
    return Screen("calls/search.html", values, 422 if errors else 200)


def outcomes(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.say
    states = [(state.value, call_state_name(visit, state.value)) for state in CallState]
    reasons = [(f"{REFUSED}{one.value}", _("Refused: {reason}", reason=refusal_name(visit, one))) for one in Refusal]
    return [("", _("Any outcome")), *states, *reasons]


def _found(visit: Visit, entered: dict[str, str]) -> Found:
    before = Page(cursor=visit.query.maybe("cursor")).after(tuple[int, str])
    wanted = _wanted(visit, entered)
    by_id = _by_id(visit, entered["q"]) if before is None else None
    if by_id is not None:
        return Found([by_id], None, None)
    if entered["q"] and not wanted.texts:
        return Found([], None, None)
    return visit.read(call_search.search, visit.org_id, wanted, SHOWN, before)


def _by_id(visit: Visit, text: str) -> Call | None:
    return visit.read(reports.find, visit.org_id, text) if 0 < len(text) <= BY_ID_MAX else None


def _wanted(visit: Visit, entered: dict[str, str]) -> Wanted:
    begin, end = _day(entered, "from"), _day(entered, "to")
    if begin and end and begin > end:
        raise invalid("to", sentence("ends_before_it_begins"), "ends_before_it_begins")
    known = [value for value, _ in outcomes(visit)]
    outcome = entered["outcome"] if entered["outcome"] in known else ""
    is_reason = outcome.startswith(REFUSED)
    digits = _digits(entered["q"])
    return Wanted(
        digits=digits,
        names=() if digits else _names(visit, entered["q"]),
        state="" if is_reason else outcome,
        reason=outcome.removeprefix(REFUSED) if is_reason else "",
        begin=midnight(begin, visit.zone) if begin else None,
        end=midnight(end + timedelta(days=1), visit.zone) if end else None,
    )


def _digits(text: str) -> str:
    """Of what is a number, written in whatever way."""
    found = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    is_number = not any(letter.isalpha() or letter == "@" for letter in text)
    return found if is_number and len(found) >= DIGITS_MIN else ""


def _names(visit: Visit, text: str) -> tuple[str, ...]:
    """All that the users are known by whom somebody may mean."""
    if not text:
        return ()
    users = visit.read(people.page, visit.org_id, USERS_MAX, None, people.Wanted(part=text))
    return tuple(dict.fromkeys(name for user in users for name in (user.user_id, *user.known_as)))


def _day(entered: dict[str, str], name: str) -> date | None:
    return forms.day(entered[name], name)
