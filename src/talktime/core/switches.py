"""Which calls a switch has lost: told by the lists of calls that it says are in progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from msgspec import Struct

from talktime.core.calls import Call
from talktime.core.time import SECOND

GONE_AFTER = 30 * SECOND
SILENT_AFTER = 15 * SECOND


class Lists(Struct, frozen=True):
    """What is remembered from one list to the next. Instants are by each organization's own clock."""

    listed_at: dict[str, int] = {}
    """When the last list came, for each organization that had calls then."""
    missing: dict[str, int] = {}
    """The calls that it did not name, and when each was last heard of."""


def lost_calls(
    calls: Sequence[Call], named: Set[str], before: Lists, now: Mapping[int, int]
) -> tuple[list[Call], Lists]:
    """A call is lost when two lists running do not name it and it was last heard of long before the second."""
    lost: list[Call] = []
    missing: dict[str, int] = {}
    for call in calls:
        if call.call_id in named:
            continue
        heard_at = _heard_at(call, before)
        missing[_key(call)] = heard_at
        if _key(call) in before.missing and now[call.org_id] - heard_at > GONE_AFTER:
            lost.append(call)
    return lost, Lists({str(call.org_id): now[call.org_id] for call in calls}, missing)


def _heard_at(call: Call, before: Lists) -> int:
    if _key(call) in before.missing:
        return max(before.missing[_key(call)], call.heard_at)
    # The last list named it, if it was in progress then.
    listed_at = before.listed_at.get(str(call.org_id), 0)
    return max(call.heard_at, listed_at if call.opened_at <= listed_at else 0)


def _key(call: Call) -> str:
    return f"{call.org_id}:{call.call_id}"
