"""The JSON of the switch's side: what may come in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from talktime.core.call_types import CallType
from talktime.core.calls import (
    Answered,
    Asked,
    Authorize,
    Command,
    Extend,
    Record,
    Release,
    Settle,
)
from talktime.core.rates import TOLERANCE_MS
from talktime.core.scopes import Caller
from talktime.core.time import instant
from talktime.web.problems import invalid

CallId = Annotated[str, Meta(pattern=r"^[!-~]{1,128}\Z")]
Note = Annotated[str, Meta(max_length=256)]
Number = Annotated[str, Meta(max_length=128)]
Seconds = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Instant = Annotated[datetime, Meta(tz=True)]


class Asking(Struct, frozen=True):
    """Who asks, for whom and when: what a form needs to become a command."""

    caller: Caller
    org_id: int
    at: int
    for_organization: bool
    """Whether the caller acts for one organization, or an operator's switch for any."""

    def switch(self, name: str | None) -> str | None:
        """An operator's switch and an organization's may be called alike."""
        return name and (f"org:{name}" if self.for_organization else f"operator:{name}")


class OfCall(Struct, tag_field="op", kw_only=True, forbid_unknown_fields=True, gc=False):
    call_id: CallId
    organization: str | None = None


class CallForm(OfCall, kw_only=True, gc=False):
    call_type: CallType
    to: Number
    user: Number | None = None
    caller: Number | None = msgspec.field(name="from", default=None)
    conference_id: Note | None = None
    switch: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    requested_seconds: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    sip_call_id: Note | None = None
    source: Note | None = None
    at: Instant | None = None

    def asked(self, started_at: int | None = None, seconds: int | None = None) -> Asked:
        at = self.at.isoformat() if self.at else None
        about = (self.conference_id, self.switch, self.requested_seconds, self.sip_call_id, self.source, at)
        return Asked(self.call_type, self.to, self.user, self.caller, *about, started_at, seconds)


class AuthorizeForm(CallForm, tag="authorize", kw_only=True, gc=False):
    def command(self, asking: Asking) -> Command:
        about = (asking.org_id, self.call_id, asking.at, asking.caller.key_id)
        return Authorize(*about, self.asked(), asking.switch(self.switch))


class Lasting:
    """What forms of ended calls have in common. The fields are theirs: two kinds of Struct cannot be joined."""

    __slots__ = ()
    duration_seconds: int | None
    duration_ms: int | None

    def seconds(self) -> int:
        """A switch that counts milliseconds is given a tenth of a second before the next second begins."""
        if self.duration_seconds is not None and self.duration_ms is None:
            return self.duration_seconds
        if self.duration_ms is None or self.duration_seconds is not None:
            raise invalid("duration_seconds", "Give either duration_seconds or duration_ms.", "missing_field")
        return -(-max(self.duration_ms - TOLERANCE_MS, 0) // 1000)


class RecordForm(CallForm, Lasting, tag="record", kw_only=True, gc=False):
    duration_seconds: Seconds | None = None
    duration_ms: Milliseconds | None = None
    started_at: Instant
    ended_at: Instant | None = None
    cause: Note | None = None

    def command(self, asking: Asking) -> Command:
        started_at = instant(self.started_at)
        about = (asking.org_id, self.call_id, asking.at, asking.caller.key_id)
        return Record(*about, self.asked(started_at, self.seconds()), asking.switch(self.switch))


class ExtendForm(OfCall, tag="extend", kw_only=True, gc=False):
    granted_seconds: Seconds

    def command(self, asking: Asking) -> Command:
        return Extend(asking.org_id, self.call_id, asking.at, asking.caller.key_id, self.granted_seconds)


class AnsweredForm(OfCall, tag="answered", kw_only=True, gc=False):
    answered_at: Instant | None = None

    def command(self, asking: Asking) -> Command:
        at = instant(self.answered_at) if self.answered_at else None
        return Answered(asking.org_id, self.call_id, asking.at, asking.caller.key_id, at)


class SettleForm(OfCall, Lasting, tag="settle", kw_only=True, gc=False):
    duration_seconds: Seconds | None = None
    duration_ms: Milliseconds | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    cause: Note | None = None

    def command(self, asking: Asking) -> Command:
        about = (asking.org_id, self.call_id, asking.at, asking.caller.key_id)
        return Settle(*about, self.seconds(), self.cause, instant(self.started_at) if self.started_at else None)


class ReleaseForm(OfCall, tag="release", kw_only=True, gc=False):
    cause: Note | None = None

    def command(self, asking: Asking) -> Command:
        return Release(asking.org_id, self.call_id, asking.at, asking.caller.key_id, self.cause)


Form = AuthorizeForm | ExtendForm | AnsweredForm | SettleForm | ReleaseForm | RecordForm


class BatchForm(Struct, forbid_unknown_fields=True, gc=False):
    """Each operation is read by itself, so that a malformed one spoils no other."""

    operations: Annotated[list[msgspec.Raw], Meta(max_length=1000)]
