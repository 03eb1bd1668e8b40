"""Why somebody was not let in, as he reads it, and for the log."""

from __future__ import annotations

from talktime.actions.attempts import TooManyAttempts
from talktime.actions.errors import ActionError
from talktime.actions.sign_in import SignInFailed
from talktime.portal.visit import Visit
from talktime.web.problems import problem_of


def refused(visit: Visit, error: ActionError) -> str:
    if isinstance(error, SignInFailed | TooManyAttempts):
        visit.tell_refused(error.code)
    if isinstance(error, TooManyAttempts):
        minutes = -(-error.seconds // 60)
        return visit.say.plural(
            "That was tried too often. Try again in {count} minute.",
            "That was tried too often. Try again in {count} minutes.",
            minutes,
        )
    problem = problem_of(error)
    assert problem is not None
    return visit.sentence(problem, problem.detail, problem.code)
