"""Pages of the operator are about the whole installation, whichever organization he looks into meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from talktime.actions.errors import Invalid
from talktime.core.ids import org_number
from talktime.portal.pages import Answer, Handler
from talktime.portal.visit import Visit
from talktime.reports import organizations as reports
from talktime.storage.database import EVERYBODY
from talktime.storage.org_store import Organization
from talktime.web.problems import Problem, problem_of

Told = TypeVar("Told")
SHOWN = 50
EVERYTHING = 1_000
"""As many as the API tells at once: for lists to choose from."""


def ours(handler: Handler) -> Handler:
    """What it asks of the API it asks as the operator."""

    def of_the_operator(visit: Visit) -> Answer:
        return handler(replace(visit, org=None))

    return of_the_operator


def everywhere(visit: Visit, report: Callable[..., Told], *values: Any) -> Told:
    """A report over all organizations: only for pages whose right is the operator's."""
    assert visit.is_operator
    return visit.app.database.read(EVERYBODY, report, *values)


def organization_in(visit: Visit, org_id: int) -> Organization:
    """Problem: there is none."""
    found = everywhere(visit, reports.these, [org_id]).get(org_id)
    if found is None:
        raise Problem(404, "not_found")
    return found


def named(visit: Visit, name: str) -> Organization:
    """As the address names it."""
    return organization_in(visit, org_number(name) or 0)


def organizations_of(visit: Visit, org_ids: Iterable[int]) -> dict[int, Organization]:
    return everywhere(visit, reports.these, sorted({*org_ids}))


def wrong(code: str, field: str, **values: object) -> Problem:
    """With a sentence that is there in all languages."""
    problem = problem_of(Invalid(code, field, **values))
    assert problem is not None
    return problem


def whole(visit: Visit, field: str, least: int, most: int) -> int | None:
    """A whole number within these, or nothing."""
    text = visit.form.get(field)
    if not text:
        return None
    if not text.isdecimal() or len(text) > len(str(most)) + 1:
        raise wrong("no_number", field)
    if not least <= int(text) <= most:
        raise wrong("not_between", field, least=least, most=most)
    return int(text)


def one_of(text: str, known: Iterable[str]) -> str | None:
    return text if text in known else None
