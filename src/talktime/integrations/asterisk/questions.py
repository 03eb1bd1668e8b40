"""What the dialplan asks: `agi://host/authorize?call_type=user_out&user=...` becomes a form of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

KNOWN = {
    "authorize": {"call_type", "user", "organization", "from", "to", "conference_id", "requested_seconds"},
    "answered": {"call_id", "organization"},
    "ended": {"organization"},
}
NOTE_CHARACTERS_MAX = 256
NOBODY = ("", "unknown")
"""As Asterisk writes a caller without a number."""


class Misasked(Exception):
    """A mistake in the dialplan, or somebody who has put something into its question."""


def question_of(facts: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What is asked, and with which values; empty ones are none."""
    verb, _, query = facts.get("agi_network_script", "").partition("?")
    if verb not in KNOWN:
        raise Misasked(f"what is asked is none of {', '.join(KNOWN)}")
    values: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if name not in KNOWN[verb]:
            # Not by its name: it may be a piece of somebody's number.
            raise Misasked(f"{verb} knows {', '.join(sorted(KNOWN[verb]))} and nothing else")
        if name in values:
            raise Misasked(f"{name} is there twice")
        # Not like a form of a page: a plus is the beginning of a number.
        values[name] = unquote(value)
    return verb, {name: value for name, value in values.items() if value}


def authorize_form(facts: Mapping[str, str], values: Mapping[str, str], call_id: str, switch: str) -> dict[str, Any]:
    """What the question does not say is taken from the channel."""
    form: dict[str, Any] = {"call_type": "user_out", "to": facts.get("agi_extension", "")}
    caller = facts.get("agi_callerid", "")
    if caller not in NOBODY:
        form["from"] = caller
    form |= values
    if "requested_seconds" in form:
        form["requested_seconds"] = _whole("requested_seconds", form["requested_seconds"])
    source = facts.get("agi_channel", "")[:NOTE_CHARACTERS_MAX]
    return form | {"call_id": call_id, "switch": switch, "source": source}


def _whole(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise Misasked(f"{name} is no whole number")
    return int(value)
