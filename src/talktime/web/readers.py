"""In which language somebody reads: what he has chosen, else what his browser asks for, else his organization's."""

from __future__ import annotations

from collections.abc import Mapping

from talktime.core.languages import LANGUAGES
from talktime.languages.catalogues import SOURCE

CHOSEN = "talktime_language"
"""The cookie that keeps the choice."""
OURS_ALONE = "__Host-"
"""With this beginning browsers take a cookie from us alone, and over TLS alone."""
ACCEPTED_MAX = 20


def cookies_in(header: str) -> dict[str, str]:
    """Ours are plain; what others have put beside them spoils none."""
    pairs = [pair.strip().partition("=") for pair in header.split(";")]
    return {name: value.strip('"') for name, _, value in pairs if name}


def choice(told: Mapping[str, str], name: str) -> str:
    """What a browser keeps of a reader's taste, with TLS or without; nothing depends on who wrote it."""
    return told.get(f"{OURS_ALONE}{name}") or told.get(name, "")


def language_of(headers: Mapping[str, str], usual: str = SOURCE) -> str:
    chosen = choice(cookies_in(headers.get("cookie", "")), CHOSEN)
    if chosen in LANGUAGES:
        return chosen
    return accepted(headers.get("accept-language", "")) or usual


def accepted(header: str) -> str | None:
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
