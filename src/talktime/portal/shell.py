"""What stands around every page: the menu, the balance, who is signed in."""

from __future__ import annotations

from functools import cached_property

from babel import Locale

from talktime.core.languages import LANGUAGES
from talktime.portal.menu import Entry, menu_of
from talktime.portal.said import said
from talktime.portal.visit import Visit
from talktime.portal.words import role_name


class Shell:
    """Looked up when a template asks for it: a part of a page asks for nothing."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    @cached_property
    def menu(self) -> list[Entry]:
        return menu_of(self._visit)

    @cached_property
    def available(self) -> str | None:
        """None where there is none, or the reader may not know."""
        visit = self._visit
        if visit.org is None or not visit.may("funds.see") or visit.org.billing_account == "postpaid":
            return None
        return str(visit.ask("/v1/balance")["available"])

    @property
    def role(self) -> str:
        return ", ".join(role_name(self._visit, role) for role in self._visit.me.member.roles)

    @property
    def language(self) -> str:
        return own_name(self._visit.language)

    @property
    def tongues(self) -> list[tuple[str, str]]:
        """Each language in its own words."""
        return [(name, own_name(name)) for name in LANGUAGES]

    @property
    def said(self) -> str:
        return said(self._visit)


def own_name(language: str) -> str:
    name = Locale(language).get_display_name(language) or language
    return name[:1].upper() + name[1:]
