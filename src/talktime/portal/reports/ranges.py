"""The days that a report is about: the last 7, the last 28, or from one to another."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from talktime.core.months import local_day, midnight
from talktime.portal import forms
from talktime.portal.visit import Visit
from talktime.web.problems import Problem, invalid
from talktime.web.sentences import sentence

RANGES, USUAL, CUSTOM = ("7", "28", "custom"), "28", "custom"
DAYS_MAX = 366


class Range(NamedTuple):
    chosen: str
    first: date
    last: date
    zone: str

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def begin(self) -> int:
        return midnight(self.first, self.zone)

    @property
    def end(self) -> int:
        """Exclusive."""
        return midnight(self.last + timedelta(days=1), self.zone)

    @property
    def before(self) -> Range:
        """As many days, just before."""
        return Range(CUSTOM, self.first - timedelta(days=self.days), self.first - timedelta(days=1), self.zone)

    @property
    def every_day(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(self.days)]

    @property
    def query(self) -> str:
        told = {"range": self.chosen}
        if self.chosen == CUSTOM:
            told |= {"from": str(self.first), "to": str(self.last)}
        return urlencode(told)


def last_days(visit: Visit, chosen: str = USUAL) -> Range:
    today = local_day(visit.today, visit.zone)
    return Range(chosen, today - timedelta(days=int(chosen) - 1), today, visit.zone)


def range_of(visit: Visit) -> Range:
    """A Problem beside the field where it is none."""
    chosen = visit.query.get("range") or USUAL
    if chosen != CUSTOM:
        return last_days(visit, chosen if chosen in RANGES else USUAL)
    usual = last_days(visit)
    found = Range(CUSTOM, day_in(visit, "from") or usual.first, day_in(visit, "to") or usual.last, visit.zone)
    if found.first > found.last:
        raise invalid("to", sentence("ends_before_it_begins"), "ends_before_it_begins")
    if found.days > DAYS_MAX:
        code, values = "too_far_back", {"days": DAYS_MAX}
        detail = sentence(code, **values)
        raise Problem(422, code, detail, invalid("from", detail, code).errors, values=values)
    return found


def day_in(visit: Visit, name: str) -> date | None:
    form = visit.form if visit.page.changes else visit.query
    return forms.day(form.get(name), name)
