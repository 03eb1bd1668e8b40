"""The year that lies behind the demonstration: lived through in a few seconds, by a clock of its own, on the engine
that answers switches and with the payments that the server makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from talktime.cli.demo_office import CALLED, Office
from talktime.core.call_types import CallType
from talktime.core.calls import Asked, Record
from talktime.core.ids import org_number
from talktime.core.time import DAY, MINUTE, SECOND, instant, moment

if TYPE_CHECKING:
    from talktime.app import App

DAYS = 365
HOUR = 60 * MINUTE
WORKDAY, WEEKEND = (16, 34), (2, 8)
"""So many calls."""
USUAL_SECONDS, LONG_SECONDS = (40, 1500), (1800, 6000)
BUSY_HOURS = (8, 9, 9, 10, 10, 10, 11, 11, 12, 13, 14, 14, 15, 15, 16, 16, 17, 18, 20)
FAILED_DAYS_AGO = 41
REFUSAL = {"result": "declined", "code": "insufficient_funds"}
GIVEN = {300: ("40", 60), 120: ("25", 126)}
"""Promotional money: how many days ago, how much, and for how many days."""


class PastClock:
    """Stands where it is put, but for a millisecond whenever it is asked: so ids sort."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> int:
        self.at += 1000
        return self.at


def a_year_ago(now: int) -> PastClock:
    begin = moment(now - DAYS * DAY).replace(hour=6, minute=0, second=0, microsecond=0)
    return PastClock(instant(begin))


def live(app: App, clock: PastClock, office: Office, until: int, passed: Callable[[], None]) -> None:
    """Day by day up to today: calls, recharges, credit that is given and expires."""
    year = Year(app, office, until)
    while clock.at + 16 * HOUR < until:
        year.a_day(clock)
        passed()


class Year:
    def __init__(self, app: App, office: Office, until: int, seed: int = 7) -> None:
        org_id = org_number(office.organization)
        assert org_id is not None
        self._app, self._office, self._org_id = app, office, org_id
        self._today = moment(until).date()
        self._chance = Random(seed)
        self._calls = 0
        # The first ones have no calling plan, and call the most.
        self._callers = (*office.users[:2] * 3, *office.users)

    def a_day(self, clock: PastClock) -> None:
        morning = clock.at - clock.at % DAY + 6 * HOUR
        clock.at = max(clock.at, morning)
        self._events((self._today - moment(morning).date()).days)
        calls = sorted(self._calls_of(morning), key=lambda call: call.at)
        # In two halves, so that a recharge can come between.
        for half in (calls[: len(calls) // 2], calls[len(calls) // 2 :]):
            if half:
                clock.at = max(clock.at, half[-1].at + SECOND)
                self._app.engine.run(half)
                self._catch_up()
        clock.at = morning + DAY

    def _catch_up(self) -> None:
        """What the server does by itself."""
        self._app.sweep()
        self._app.money.sweep()

    def _events(self, days_ago: int) -> None:
        if days_ago == FAILED_DAYS_AGO:
            self._office.send("PUT", f"{self._account}/simulator", {"answers": [REFUSAL]})
        if days_ago in GIVEN:
            amount, days = GIVEN[days_ago]
            ends = datetime.now(UTC) + timedelta(days=days - days_ago)
            body = {"amount": amount, "expires_at": ends.isoformat(), "priority": 900}
            self._office.send("POST", f"{self._account}/grants", body)

    @property
    def _account(self) -> str:
        return f"/v1/operator/organizations/{self._office.organization}"

    def _calls_of(self, morning: int) -> Iterator[Record]:
        is_weekend = moment(morning).weekday() >= 5
        for _ in range(self._chance.randint(*(WEEKEND if is_weekend else WORKDAY))):
            yield self._call(morning)

    def _call(self, morning: int) -> Record:
        self._calls += 1
        hour = self._chance.choice(BUSY_HOURS)
        started = morning - 6 * HOUR + hour * HOUR + self._chance.randrange(3600) * SECOND
        is_long = self._chance.random() < 0.08
        seconds = self._chance.randint(*(LONG_SECONDS if is_long else USUAL_SECONDS))
        in_meeting = self._chance.random() < 0.2
        user = self._chance.choice(self._office.hosts if in_meeting else self._callers)
        kind = CallType.CONF_OUT if in_meeting else CallType.USER_OUT
        asked = Asked(kind, self._number(), user, started_at=started, duration_seconds=seconds)
        at = started + seconds * SECOND + MINUTE
        return Record(self._org_id, f"past-{self._calls}", at, "demo", asked)

    def _number(self) -> str:
        return f"+{self._chance.choice(CALLED)}{self._chance.randrange(10**8, 10**9)}"[:12]
