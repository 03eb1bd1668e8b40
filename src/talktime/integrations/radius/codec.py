"""RADIUS as FreeRADIUS' rlm_rest speaks it: Access-Requests ask for time, Accounting-Requests report what was used."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgspec

from talktime.core.time import SECOND, moment
from talktime.integrations.radius.packets import CLASS, Attributes
from talktime.web.call_answers import ExtendedBody, GrantedBody, RefusedBody
from talktime.web.call_forms import AnsweredForm, AuthorizeForm, ExtendForm, Form, ReleaseForm, SettleForm
from talktime.web.codecs import Codec, Conversation, Sent, form_of
from talktime.web.problems import Problem, invalid
from talktime.web.routes import Raw
from talktime.web.switch_doors import RADIUS_ACCOUNTING, RADIUS_AUTHORIZE, Answer, Reply

JSON = "application/json"
GO_ON = ("Authorize-Only", "17")
REFUSED = 401
"""The one status of a refusal whose body rlm_rest reads."""
MESSAGE_BYTES_MAX = 253
NEVER_GRANTED = 1_000_000_000
OVER = "This call was not granted, or has ended."
TAKEN = Raw(b"", JSON, status=204)


def authorize(sent: Sent) -> Conversation:
    packet = Attributes(sent.body)
    if _is_running(packet):
        return (yield from _extend(packet, sent))
    decision: GrantedBody | RefusedBody = yield form_of(
        AuthorizeForm,
        call_id=packet.call_id,
        organization=sent.query.get("organization"),
        call_type=packet.text("Talktime-Call-Type") or sent.query.get("call_type") or "user_out",
        user=packet.text("Talktime-User") or sent.query.get("user") or packet.text("User-Name"),
        from_=packet.text("Calling-Station-Id"),
        to=packet.text("Called-Station-Id"),
        source=packet.nas,
        switch=sent.query.get("switch"),
    )
    if isinstance(decision, RefusedBody):
        return refused(decision.detail)
    if decision.emergency:
        return accepted(packet.call_id)
    if (yield from _is_over(packet, sent)):
        return refused(OVER)
    return accepted(packet.call_id, decision.granted_seconds)


def _is_over(packet: Attributes, sent: Sent) -> Generator[Form, Any, bool]:
    """A gateway whose counter has begun anew would be granted what an old call was. A total that was never granted
    changes nothing, and only a call in progress is told so."""
    try:
        yield form_of(ExtendForm, granted_seconds=NEVER_GRANTED, **_about(packet, sent))
    except Problem as problem:
        if problem.code == "wrong_total":
            return False
        raise
    return True


def _is_running(packet: Attributes) -> bool:
    return packet.text("Service-Type") in GO_ON or bool(packet.seconds("Acct-Session-Time"))


def _extend(packet: Attributes, sent: Sent) -> Conversation:
    """The gateway does not say what it holds, so the platform is asked for it first."""
    about = _about(packet, sent)
    if (yield from _is_over(packet, sent)):
        return refused(OVER)
    held: ExtendedBody = yield form_of(ExtendForm, granted_seconds=0, **about)
    longer: ExtendedBody = yield form_of(ExtendForm, granted_seconds=held.granted_seconds, **about)
    return accepted(packet.call_id, longer.granted_seconds)


def account(sent: Sent) -> Conversation:
    packet = Attributes(sent.body)
    form = _report(packet, sent)
    if form:
        yield form
    return TAKEN


def _report(packet: Attributes, sent: Sent) -> Form | None:
    kind, talked = packet.text("Acct-Status-Type"), packet.seconds("Acct-Session-Time")
    match kind:
        case "Accounting-On" | "7" | "Accounting-Off" | "8":
            # A gateway that begins anew has no calls: they end at their grants, unless it still reports how long.
            return None
        case "Start" | "1":
            return _answered(packet, sent, 0)
        case "Interim-Update" | "3" | "Alive":
            return _answered(packet, sent, talked) if talked else None
        case "Stop" | "2":
            return _ended(packet, sent, talked)
    raise invalid("Acct-Status-Type", f"{kind[:64]!r} is none of Start, Interim-Update, Stop, Accounting-On and -Off.")


def _answered(packet: Attributes, sent: Sent, talked: int) -> Form:
    ago = talked + (packet.seconds("Acct-Delay-Time") or 0)
    return form_of(AnsweredForm, answered_at=moment(sent.at - ago * SECOND), **_about(packet, sent))


def _ended(packet: Attributes, sent: Sent, talked: int | None) -> Form:
    if talked is None:
        raise invalid("Acct-Session-Time", "A Stop must say how long was talked.", "missing_field")
    about = _about(packet, sent) | {"cause": packet.text("h323-disconnect-cause", "Acct-Terminate-Cause")}
    return form_of(SettleForm, duration_seconds=talked, **about) if talked else form_of(ReleaseForm, **about)


def _about(packet: Attributes, sent: Sent) -> dict[str, str | None]:
    return {"call_id": packet.call_id, "organization": sent.query.get("organization")}


def accepted(call_id: str, seconds: int | None = None) -> Raw:
    """Without a limit for a call to an emergency number."""
    replies: Answer = {"reply:Class": _reply(CLASS + call_id)}
    if seconds is not None:
        replies["reply:Session-Timeout"] = _reply(seconds)
        replies["reply:h323-credit-time"] = _reply(f"h323-credit-time={seconds}")
    return Raw(msgspec.json.encode(replies), JSON)


def refused(why: str) -> Raw:
    said = why.encode()[:MESSAGE_BYTES_MAX].decode(errors="ignore")
    return Raw(msgspec.json.encode({"reply:Reply-Message": _reply(said)}), JSON, status=REFUSED)


def _reply(value: str | int) -> Reply:
    return Reply(":=", [value])


CODECS = {RADIUS_AUTHORIZE: Codec(authorize), RADIUS_ACCOUNTING: Codec(account)}
