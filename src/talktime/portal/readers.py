"""Which language a reader gets: his own choice, else what his browser asks for, else his organization's."""

from __future__ import annotations

from collections.abc import Mapping

from talktime.actions.sessions import Session
from talktime.core.languages import LANGUAGES
from talktime.languages.catalogues import SOURCE
from talktime.portal import cookies
from talktime.storage.org_store import Organization
from talktime.web.readers import accepted as accepted_of
from talktime.web.readers import choice

THEMES = ("light", "dark")


def language_of(
    told: Mapping[str, str], accepted: str, session: Session | None = None, org: Organization | None = None
) -> str:
    chosen = choice(told, cookies.LANGUAGE)
    if chosen in LANGUAGES:
        return chosen
    if session is not None and session.member.language in LANGUAGES:
        return session.member.language
    return accepted_of(accepted) or (org.language if org else SOURCE)


def theme_of(told: Mapping[str, str]) -> str:
    chosen = choice(told, cookies.THEME)
    return chosen if chosen in THEMES else "system"
