"""What this process remembers of sessions. The platform knows the calls: whatever is forgotten here is asked there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from time import monotonic

from talktime.integrations.diameter.credit_answers import Reply
from talktime.integrations.diameter.credit_requests import CreditRequest, Kind
from talktime.integrations.diameter.units import Credit

SESSIONS_MAX = 50_000
KEPT_SECONDS = 300.0
"""A request that is repeated comes sooner; and so much longer than its piece is valid, a session may be silent."""
REPLIES_MAX = 8

Asked = tuple[Kind, int]


def _nothing() -> None:
    pass


@dataclass(slots=True)
class Session:
    """Whoever holds the lock may change it: requests of one session are answered one after the other."""

    credit: Credit | None = None
    answered_at: float | None = None
    answer_is_told: bool = False
    is_over: bool = False
    must_end: bool = False
    abort: Callable[[], None] = _nothing
    """Tells the client that it must end the call."""
    counted: deque[int] = field(default_factory=lambda: deque(maxlen=REPLIES_MAX))
    """Requests whose usage is in the credit, also when nothing could be granted for them."""
    replies: dict[Asked, Reply] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    keep_until: float = 0.0

    def told(self, asked: CreditRequest) -> Reply | None:
        """What was answered to the same request before."""
        return self.replies.get((asked.kind, asked.number))

    def remember(self, asked: CreditRequest, reply: Reply) -> None:
        self.replies[asked.kind, asked.number] = reply
        if len(self.replies) > REPLIES_MAX:
            del self.replies[next(iter(self.replies))]

    def count(self, asked: CreditRequest) -> None:
        if self.credit is not None and asked.number not in self.counted:
            self.counted.append(asked.number)
            self.credit = self.credit.reported(asked.service.used)


class Sessions:
    def __init__(self, most: int = SESSIONS_MAX, now: Callable[[], float] = monotonic) -> None:
        self._sessions: dict[tuple[str | None, str], Session] = {}
        self._most, self._now = most, now

    def __len__(self) -> int:
        return len(self._sessions)

    def session(self, organization: str | None, call_id: str) -> Session:
        """Kept for a while from now on. One organization's client cannot name a session of another's."""
        key = (organization, call_id)
        session = self._sessions.pop(key, None) or Session()
        if len(self._sessions) >= self._most:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[key] = session
        self.keep(session)
        return session

    def keep(self, session: Session, seconds: float = 0.0) -> None:
        session.keep_until = self._now() + seconds + KEPT_SECONDS

    def end(self, call_ids: Collection[str]) -> None:
        """Each is told once; what it reports afterwards is taken, and it gets nothing more."""
        for (_, call_id), session in self._sessions.items():
            if call_id in call_ids and not session.must_end:
                session.must_end = True
                session.abort()

    def forget(self) -> None:
        """The timer of this side: the platform ends calls that nobody reports on, and here nothing stays of them."""
        now = self._now()
        over = [key for key, one in self._sessions.items() if one.keep_until < now and not one.lock.locked()]
        for key in over:
            del self._sessions[key]
