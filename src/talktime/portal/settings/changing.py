"""What the pages of Settings share: steps that are refused, and a question before what cannot be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from talktime.actions.errors import ActionError, Invalid
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.web.problems import Problem, problem_of

Done = TypeVar("Done")
REFUSED = (Problem, ActionError)


class Question(NamedTuple):
    section: tuple[str, str]
    """Path and name of where it belongs."""
    title: str
    text: str
    label: str
    back: str
    is_grave: bool = True


def asked(question: Question, errors: dict[str, str] | None = None) -> Answer:
    """A page of its own: it works without script, and whoever has to prove himself first comes back to it."""
    return Screen("settings/confirm.html", {"question": question, "errors": errors}, 422 if errors else 200)


def errors_of(visit: Visit, error: Exception) -> dict[str, str]:
    problem = problem_of(error)
    assert problem is not None
    return visit.errors(problem)


def written(visit: Visit, action: Callable[..., Done], *values: object) -> Done:
    """A change that the API has no route for, in this organization alone."""
    return visit.app.database.write(visit.org_id, action, visit.org_id, *values)


def chosen(visit: Visit, name: str) -> list[str]:
    """At least one of the boxes."""
    values = list(dict.fromkeys(visit.form.all(name)))
    if not values:
        raise Invalid("choose_one", name)
    return values


def lines(text: str) -> list[str]:
    """One a line, or with commas between them."""
    return [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]
