"""Words for users: kinds, licences, and what is wrong with a line of a file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from unicodedata import normalize

from talktime.core.countries import CODES
from talktime.core.languages import LANGUAGES
from talktime.core.policies import DEFAULT_POLICY
from talktime.core.user_rows import KINDS
from talktime.portal import shown
from talktime.portal.sentences import plain
from talktime.portal.visit import Visit
from talktime.reports.blocks import BlockRow
from talktime.web.sentences import SENTENCES

GUARD = {"concurrent_calls", "spend_per_hour", "spend_per_day", "new_destinations_per_day"}
"""What the fraud guard blocks somebody for."""
BY_GUARD = "fraud_guard"


def user_kinds(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.say
    return [("person", _("Person")), ("resource_account", _("Resource account"))]


def user_kind(visit: Visit, kind: str) -> str:
    return dict(user_kinds(visit)).get(kind, kind)


def block_reason(visit: Visit, reason: str | None) -> str:
    """As somebody wrote it, or why the fraud guard did it."""
    return plain(visit.language, reason) if reason in GUARD else reason or ""


def blocker(visit: Visit, block: BlockRow) -> str:
    """Who blocked or unblocked somebody; nothing of a key or of somebody of the operator's."""
    _ = visit.say
    if block.by == BY_GUARD:
        return _("by the fraud guard")
    return _("by {name}", name=block.by_name) if block.by_name else ""


def licence_names(visit: Visit, codes: list[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(code, code) for code in codes)


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """By name, a letter with an accent beside the same without."""
    named = [(code, shown.country(code, language)) for code in CODES]
    return tuple(sorted(named, key=lambda one: normalize("NFD", one[1].casefold())))


def column_name(visit: Visit, column: str) -> str:
    _ = visit.say
    names = {
        "name": _("Name"),
        "sign_in_name": _("Sign-in name"),
        "usage_location": _("Usage location"),
        "number": _("Phone number"),
        "kind": _("Kind"),
        "language": _("Language"),
        "licences": _("Licences"),
        "policy": _("Calling policy"),
    }
    return names.get(column, column)


def column_help(visit: Visit, column: str) -> str:
    """What a cell may hold."""
    _ = visit.say
    texts = {
        "name": _("Any text."),
        "sign_in_name": _("Any text; no two users have the same."),
        "usage_location": _("A country as two letters, like {example}.", example="GB"),
        "number": _("Like {example}, or nothing.", example="+442079460100"),
        "kind": _("{codes}. Nothing: the first.", codes=", ".join(KINDS)),
        "language": _("{codes}. Nothing: the first.", codes=", ".join(LANGUAGES)),
        "licences": _("Codes with one space between, like {example}.", example="MCOEV MCOPSTNPP"),
        "policy": _("The name of a policy, like {example}. Nothing: the organization's.", example=DEFAULT_POLICY),
    }
    return texts.get(column, "")


def line_error(visit: Visit, code: str) -> str:
    """About a cell of a file, which stands beside it."""
    _ = visit.say
    words = {
        "needed": _("This must not be empty."),
        "invalid_value": _("This value is not allowed here."),
        "missing_field": _("This column is missing."),
        "unknown_field": _("There is no such column."),
        "wrong_columns": _("The line has more or fewer columns than the header."),
        "duplicate": _("This stands on another line as well."),
        "malformed": _("This is no CSV file in UTF-8."),
        "unknown_licence": _("There is no such licence."),
        "empty": _("There is no line in it."),
    }
    return words.get(code) or plain(visit.language, code if code in SENTENCES else "invalid")


FUNCTIONS = (block_reason, blocker, column_help, column_name, countries, licence_names, user_kind, user_kinds)
"""For templates."""
