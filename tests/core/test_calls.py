from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from talktime.core.call_types import CallType
from talktime.core.calls import (
    Asked,
    Call,
    CallState,
    Granted,
    Refusal,
    Refused,
    Settled,
    UsageRow,
    other_field,
)
from talktime.core.lots import Part
from talktime.core.rates import FREE
from tests.core.switch import NOW, UK, UK_RATE

ASKED = Asked(CallType.USER_OUT, UK, "ann", "+12025550117")

DIFFERENT: dict[str, Any] = {
    "call_type": CallType.CONF_OUT,
    "to": "+33199001234",
    "user": "bob",
    "from": "+12025550199",
    "conference_id": "conference-1",
    "switch": "edge-2",
    "requested_seconds": 60,
    "sip_call_id": "abc@192.0.2.1",
    "source": "192.0.2.1",
    "at": "2031-03-14T09:26:53Z",
    "started_at": NOW,
    "duration_seconds": 61,
}


def test_the_same_request_differs_in_nothing() -> None:
    assert other_field(ASKED, replace(ASKED)) is None


@pytest.mark.parametrize("field", [name.rstrip("_") for name in Asked.__struct_fields__])
def test_another_request_differs_in_a_field_named_as_outside(field: str) -> None:
    inside = "from_" if field == "from" else field
    assert other_field(ASKED, replace(ASKED, **{inside: DIFFERENT[field]})) == field


def test_of_two_differences_the_first_is_named() -> None:
    assert other_field(ASKED, replace(ASKED, to="+33199001234", source="192.0.2.1")) == "to"


REFUSED = Refused(Refusal.NO_BALANCE, UK_RATE)
GRANTED = Granted(300, False, 240, NOW, 500_000, UK_RATE)


@pytest.mark.parametrize(
    ("answer", "known", "charged_by"),
    [
        (None, None, FREE),
        (Refused(Refusal.NO_RATE), None, FREE),
        (REFUSED, UK_RATE, UK_RATE),
        (GRANTED, UK_RATE, UK_RATE),
        (Granted(300, False, 240, NOW, 0, None), None, FREE),
    ],
)
def test_a_call_keeps_the_rate_of_its_answer(answer: Any, known: Any, charged_by: Any) -> None:
    call = Call(1, "c1", CallState.OPEN, NOW, answer=answer)
    assert (call.known_rate, call.rate) == (known, charged_by)


@pytest.mark.parametrize(
    "call",
    [
        Call(1, "c1", CallState.RELEASED, NOW, heard_at=NOW, cause="busy"),
        Call(1, "c1", CallState.REFUSED, NOW, asked=ASKED, answer=REFUSED),
        Call(
            1,
            "c1",
            CallState.OPEN,
            NOW,
            2,
            ASKED,
            GRANTED,
            "1/edge",
            600,
            300,
            True,
            (Part("lot1", 400_000), Part("lot2", 600_000)),
            NOW,
            NOW,
            NOW + 1,
        ),
        Call(
            1,
            "c1",
            CallState.SETTLED,
            NOW,
            asked=ASKED,
            answer=GRANTED,
            charged=(Part("lot1", 100_000),),
            settled=Settled(100_000, 50_000, 60, 0, (UsageRow("0" * 32, "", "credits", 1, 100_000),)),
            talked_seconds=2**63,
        ),
    ],
)
def test_a_story_is_read_again_as_it_was_written(call: Call) -> None:
    assert msgspec.json.decode(msgspec.json.encode(call), type=Call) == call
