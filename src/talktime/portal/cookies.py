"""Cookies: read, and written so that scripts and other sites cannot have them."""

from __future__ import annotations

SESSION, LANGUAGE, THEME = "talktime", "talktime_language", "talktime_theme"
YEAR = 365 * 24 * 3600


def read(header: str) -> dict[str, str]:
    """Ours are plain; what others have put beside them spoils none."""
    pairs = [pair.strip().partition("=") for pair in header.split(";")]
    return {name: value.strip('"') for name, _, value in pairs if name}


def session_name(is_secure: bool) -> str:
    """With this beginning browsers take it from us alone, and over TLS alone."""
    return f"__Host-{SESSION}" if is_secure else SESSION


def written(name: str, value: str, is_secure: bool, seconds: int | None = None, *, hidden: bool = True) -> str:
    """`seconds`: None until the browser is closed, 0 to have it forgotten."""
    parts = [f"{name}={value}", "Path=/", "SameSite=Lax"]
    parts += [f"Max-Age={seconds}"] if seconds is not None else []
    parts += ["HttpOnly"] if hidden else []
    parts += ["Secure"] if is_secure else []
    return "; ".join(parts)
