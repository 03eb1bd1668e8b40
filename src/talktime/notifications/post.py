"""Everything that takes something to somebody else: made once at start, replaced in tests."""

from __future__ import annotations

from dataclasses import dataclass

from talktime.notifications.hooks import Hooks
from talktime.notifications.mail import Mailer


@dataclass(frozen=True, slots=True)
class Post:
    mailer: Mailer
    hooks: Hooks
    public_url: str
    """Where people find the portal."""
