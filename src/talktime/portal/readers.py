"""Which language a reader gets: his own choice, else what his browser asks for, else his organization's."""

from __future__ import annotations

from collections.abc import Mapping

from talktime.actions.sessions import Session
from talktime.core.languages import LANGUAGES
from talktime.languages.catalogues import SOURCE
from talktime.portal import cookies
from talktime.storage.org_store import Organization

THEMES = ("light", "dark")
ACCEPTED_MAX = 20


def language_of(
    told: Mapping[str, str], accepted: str, session: Session | None = None, org: Organization | None = None
) -> str:
    chosen = told.get(cookies.LANGUAGE, "")
    if chosen in LANGUAGES:
        return chosen
    if session is not None and session.member.language in LANGUAGES:
        return session.member.language
    return _accepted(accepted) or (org.language if org else SOURCE)


def _accepted(header: str) -> str | None:
    """The one that is wanted most among those we speak."""
    wanted = [_weighed(one) for one in header.split(",")[:ACCEPTED_MAX]]
    spoken = [(weight, name) for weight, name in wanted if name in LANGUAGES and weight > 0]
    return max(spoken, key=lambda one: one[0])[1] if spoken else None


def _weighed(one: str) -> tuple[float, str]:
    name, _, rest = one.strip().partition(";")
    _, _, weight = rest.partition("=")
    try:
        return float(weight or 1), name.split("-")[0].lower()
    except ValueError:
        return 0.0, ""


def theme_of(told: Mapping[str, str]) -> str:
    chosen = told.get(cookies.THEME, "")
    return chosen if chosen in THEMES else "system"
