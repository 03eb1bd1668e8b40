"""Addresses that mail can be sent to, looked at sensibly: only an answer proves one."""

from __future__ import annotations

LENGTH_MAX = 254


def is_email(text: str) -> bool:
    local, at, domain = text.partition("@")
    whole = bool(local and at and domain) and "@" not in domain
    return whole and len(text) <= LENGTH_MAX and text.isprintable() and " " not in text
