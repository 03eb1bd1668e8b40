"""The organization itself: what its administrators may change, and what only the operator does."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from msgspec import UNSET

from talktime.actions import organizations
from talktime.actions.errors import Invalid
from talktime.core.languages import LANGUAGES
from talktime.portal.pages import Answer, Away, Screen
from talktime.portal.settings.changing import REFUSED, errors_of, written
from talktime.portal.visit import Visit

HERE = "/settings/organization"
FIELDS = ("name", "time_zone", "language")
NAME_LENGTH = 200


def get_organization(visit: Visit) -> Answer:
    org = visit.organization
    return _shown({name: getattr(org, name) for name in FIELDS})


def _shown(wish: dict[str, str], errors: dict[str, str] | None = None) -> Answer:
    values = {"wish": wish, "errors": errors, "zones": zones()}
    return Screen("settings/organization.html", values, 422 if errors else 200)


def save(visit: Visit) -> Answer:
    wish = {name: visit.form.get(name) for name in FIELDS}
    try:
        _check(visit, wish)
        written(visit, organizations.change, wish, UNSET, visit.actor)
    except REFUSED as error:
        return _shown(wish, errors_of(visit, error))
    return Away(HERE, "saved")


def _check(visit: Visit, wish: dict[str, str]) -> None:
    name = visit.form.needed("name")
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise Invalid("invalid", "name")
    if wish["language"] not in LANGUAGES:
        raise Invalid("unknown_language", "language")


@cache
def zones() -> tuple[str, ...]:
    """Those that are called after a place."""
    placed = (zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return ("UTC", *sorted(placed))
