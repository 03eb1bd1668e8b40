"""Cookies, written so that scripts and other sites cannot have them."""

from __future__ import annotations

from talktime.web.readers import CHOSEN, OURS_ALONE

SESSION, LANGUAGE, THEME = "talktime", CHOSEN, "talktime_theme"
YEAR = 365 * 24 * 3600


def named(name: str, is_secure: bool) -> str:
    """As browsers know it."""
    return f"{OURS_ALONE}{name}" if is_secure else name


def written(name: str, value: str, is_secure: bool, seconds: int | None = None, *, hidden: bool = True) -> str:
    """`seconds`: None until the browser is closed, 0 to have it forgotten."""
    parts = [f"{named(name, is_secure)}={value}", "Path=/", "SameSite=Lax"]
    parts += [f"Max-Age={seconds}"] if seconds is not None else []
    parts += ["HttpOnly"] if hidden else []
    parts += ["Secure"] if is_secure else []
    return "; ".join(parts)
