"""Who paid for which part of a call, and what of the grant was given back."""

from __future__ import annotations

from talktime.core.calls import Call
from talktime.core.reach import MINUTE_SECONDS
from talktime.core.time import SECOND
from talktime.core.usage import Payer
from talktime.portal import shown
from talktime.portal.calls.running import Running
from talktime.portal.meters import CallSpan, Stretch, call_span
from talktime.portal.visit import Visit


def talked(call: Call, now: Running | None) -> int:
    """Seconds; of a call whose end nobody reported what it was charged for."""
    if now is not None:
        return now.seconds or 0
    if call.talked_seconds is not None:
        return call.talked_seconds
    return call.seconds if call.settled else 0


def pool_seconds(call: Call, now: Running | None) -> int:
    minutes = now.minutes if now else call.settled.pool_minutes if call.settled else 0
    return min(minutes * MINUTE_SECONDS, talked(call, now))


def begun_at(call: Call) -> int:
    return call.started_at or call.answered_at or call.opened_at


def ended_at(call: Call, now: Running | None) -> int | None:
    return None if now or call.settled is None else begun_at(call) + talked(call, now) * SECOND


def span_of(visit: Visit, call: Call, now: Running | None) -> CallSpan | None:
    """None where nobody talked."""
    said, from_pool = talked(call, now), pool_seconds(call, now)
    if not said:
        return None
    parts = [
        ("pool", from_pool, _legend(visit, "pool", 0, from_pool)),
        ("paid", said - from_pool, _legend(visit, _payer(call), from_pool, said)),
        ("back", max(call.seconds - said, 0), _legend(visit, "back", said, call.seconds)),
    ]
    return call_span([Stretch(*part) for part in parts if part[1] > 0])


def _payer(call: Call) -> str:
    if call.settled and call.settled.rows:
        return call.settled.rows[-1].payer
    return call.terms.payer.value if call.terms else Payer.NONE.value


def _legend(visit: Visit, what: str, begin: int, end: int) -> str:
    _ = visit.say
    said = {
        "pool": _("Pool, {begin} to {end}"),
        "credits": _("Credits, {begin} to {end}"),
        "postpaid": _("Invoice, {begin} to {end}"),
        "none": _("Free, {begin} to {end}"),
        "back": _("Granted and not used, to {end}"),
    }
    return said[what].format(begin=shown.duration(begin), end=shown.duration(end))
