"""What a call does over Diameter: asked, extended, charged."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.http.shop import good
from tests.integrations.diameter.client import ABORT, EVENT, TERMINATION, UPDATE, granted, is_final
from tests.integrations.diameter.conftest import Exchange
from tests.support.fault_proxy import Fault, FaultProxy

pytestmark = pytest.mark.slow
FUNDED, OTHER, TWO_MINUTES, ONE_MINUTE, POOR, HUNG_UP = range(6)


def fresh() -> str:
    return f"client.example.net;{uuid.uuid4().hex[:12]};1"


def test_a_call_is_granted_extended_and_charged_what_was_reported(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    first = switch.initial(session)
    assert (first.result_code, granted(first), is_final(first)) == (2001, 300, False)
    assert first.multiple_services_credit_control[0].validity_time > 300
    assert (first.credit_control_failure_handling, first.cc_session_failover) == (0, 1)
    early = switch.client.update(session, 1, used=30)
    assert granted(early) == 270
    later = switch.client.update(session, 2, used=230)
    assert granted(later) == 340
    assert switch.client.end(session, 3, used=65).result_code == 2001
    story = switch.ended(session)
    assert (story["duration_seconds"], story["charge"], story["to"]) == (325, "0.6", "+442079460123")
    assert switch.held == "0"


def test_the_first_update_proves_the_answer(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    switch.initial(session)
    assert switch.story(session)["answered_at"] is None
    switch.client.update(session, 1, used=10)
    assert switch.story(session)["answered_at"] is not None
    switch.client.end(session, 2, used=0)
    assert switch.ended(session)["duration_seconds"] == 10


def test_a_call_that_nobody_answered_costs_nothing(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    switch.initial(session)
    assert switch.held == "0.5"
    assert switch.client.end(session, 1, used=0).result_code == 2001
    assert (switch.ended(session)["state"], switch.held) == ("released", "0")


def test_the_last_piece_says_that_it_is_the_last(exchange: Exchange) -> None:
    switch, session = exchange.switch(TWO_MINUTES), fresh()
    first = switch.initial(session)
    assert (granted(first), is_final(first)) == (120, True)
    nearly = switch.client.update(session, 1, used=100)
    assert (granted(nearly), is_final(nearly)) == (20, True)
    over = switch.client.update(session, 2, used=20)
    assert over.result_code == over.multiple_services_credit_control[0].result_code == 4012
    switch.client.end(session, 3, used=0)
    assert switch.ended(session)["charge"] == "0.2"


def test_money_that_comes_during_a_call_extends_it(exchange: Exchange) -> None:
    switch, session = exchange.switch(ONE_MINUTE), fresh()
    assert is_final(switch.initial(session))
    switch.organization.grant("5")
    more = switch.client.update(session, 1, used=50)
    assert (granted(more), is_final(more)) == (310, False)
    switch.client.end(session, 2, used=0)
    assert switch.ended(session)["duration_seconds"] == 50


def test_units_beside_services_are_answered_beside_services(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    first = switch.initial(session, plain=True)
    assert (first.granted_service_unit.cc_time, first.multiple_services_credit_control) == (300, [])
    assert first.validity_time > 300
    switch.client.end(session, 1, used=7, plain=True)
    assert switch.ended(session)["duration_seconds"] == 7


@pytest.mark.parametrize(
    ("number", "fields", "code"),
    [
        (POOR, {}, 4012),
        (FUNDED, {"user": "sip:nobody@example.net"}, 5030),
        (FUNDED, {"to": "tel:+4420"}, 5031),
        (FUNDED, {"to": "tel:+33199000117"}, 5031),
        (FUNDED, {"to": None}, 5031),
        (FUNDED, {"served": "elsewhere.example"}, 3003),
    ],
)
def test_a_refusal_has_the_code_that_says_why(
    exchange: Exchange, number: int, fields: dict[str, Any], code: int
) -> None:
    switch, session = exchange.switch(number), fresh()
    answer = switch.initial(session, **fields)
    assert answer.result_code == code
    assert answer.header.is_error == (3000 <= code < 4000)
    assert switch.client.end(session, 1, used=0).result_code == 5002
    assert switch.held == "0"


def test_a_blocked_user_is_denied(exchange: Exchange) -> None:
    switch = exchange.switch(OTHER)
    path = f"/v1/users/{switch.organization.caller_id}"
    good(switch.organization.api.post(f"{path}/block", {"reason": "lost his phone"}))
    assert switch.initial(fresh()).result_code == 4010


def test_a_session_that_nobody_knows_is_said_to_be_unknown(exchange: Exchange) -> None:
    switch = exchange.switch()
    assert switch.client.update(fresh(), 1, used=10).result_code == 5002
    assert switch.client.end(fresh(), 1, used=10).result_code == 5002


def test_a_session_that_has_ended_is_not_extended(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    switch.initial(session)
    switch.client.end(session, 1, used=5)
    assert switch.client.update(session, 2, used=10).result_code == 5002


def test_a_repeated_request_gets_its_answer_again_and_counts_once(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    initials = [switch.initial(session, again=again) for again in (False, True, True)]
    assert [granted(one) for one in initials] == [300, 300, 300]
    updates = [switch.client.update(session, 1, used=250, again=again) for again in (False, True, True)]
    assert [granted(one) for one in updates] == [350, 350, 350]
    ends = [switch.client.end(session, 2, used=50, again=again) for again in (False, True, True)]
    assert [one.result_code for one in ends] == [2001, 2001, 2001]
    assert (switch.ended(session)["duration_seconds"], switch.ended(session)["charge"]) == (300, "0.5")


def test_a_request_that_is_repeated_over_another_connection_counts_once(exchange: Exchange) -> None:
    first, second, session = exchange.switch(), exchange.switch(), fresh()
    first.initial(session)
    assert granted(first.client.update(session, 1, used=250)) == 350
    assert granted(second.client.update(session, 1, used=250, again=True)) == 350
    second.client.end(session, 2, used=0)
    assert second.ended(session)["duration_seconds"] == 250


def test_one_client_cannot_end_another_ones_call(exchange: Exchange) -> None:
    mine, other, session = exchange.switch(FUNDED), exchange.switch(POOR), fresh()
    mine.initial(session)
    assert other.client.end(session, 1, used=1000).result_code == 5002
    assert other.client.ask(mine.client.ccr(session, TERMINATION, 1, used=1000)).result_code == 5003
    assert mine.story(session)["state"] == "open"
    mine.client.end(session, 1, used=0)


def test_a_whole_call_is_debited_at_once(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    debit = switch.client.ccr(session, EVENT, 0, action=0, wanted=400, **switch.parties)
    answers = [switch.client.ask(debit) for _ in range(2)]
    assert [(one.result_code, granted(one)) for one in answers] == [(2001, 400), (2001, 400)]
    assert switch.ended(f"{session}/0")["duration_seconds"] == 400
    assert switch.held == "0"


def test_a_call_that_is_not_covered_is_not_debited(exchange: Exchange) -> None:
    switch, session = exchange.switch(POOR), fresh()
    debit = switch.client.ccr(session, EVENT, 0, action=0, wanted=400, **switch.parties)
    assert switch.client.ask(debit).result_code == 4012


@pytest.mark.parametrize(("number", "result"), [(FUNDED, 0), (POOR, 1)])
def test_whether_there_is_credit_can_be_asked_without_holding_it(exchange: Exchange, number: int, result: int) -> None:
    switch, session = exchange.switch(number), fresh()
    answer = switch.client.ask(switch.client.ccr(session, EVENT, 0, action=2, **switch.parties))
    assert (answer.result_code, answer.check_balance_result) == (2001, result)
    switch.ended(f"{session}/0")
    assert switch.held == "0"


@pytest.mark.parametrize(("action", "code"), [(1, 5012), (3, 5031), (None, 5012)])
def test_what_is_not_offered_is_said_to_be_so(exchange: Exchange, action: int | None, code: int) -> None:
    switch = exchange.switch()
    answer = switch.client.ask(switch.client.ccr(fresh(), EVENT, 0, action=action, wanted=10, **switch.parties))
    assert answer.result_code == code


def test_a_call_asked_for_the_callee_comes_in(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    assert switch.initial(session, role=1).result_code == 2001
    assert switch.story(session)["call_type"] == "user_in"
    switch.client.end(session, 1, used=0)


def test_a_call_that_must_end_is_aborted_and_gets_nothing_more(exchange: Exchange) -> None:
    switch, session = exchange.switch(HUNG_UP), fresh()
    assert switch.initial(session).result_code == 2001
    path = f"/v1/users/{switch.organization.caller_id}"
    good(switch.organization.api.post(f"{path}/block", {"reason": "lost his phone"}))
    asked = switch.client.receive()
    assert (asked.header.command_code, asked.header.is_request, asked.session_id) == (ABORT, True, session)
    assert switch.client.update(session, 1, used=20).result_code == 4010
    switch.client.end(session, 2, used=5)
    assert switch.ended(session)["duration_seconds"] == 25


def test_a_report_that_asks_for_nothing_is_given_nothing(exchange: Exchange) -> None:
    switch, session = exchange.switch(), fresh()
    switch.initial(session)
    answer = switch.client.ask(switch.client.ccr(session, UPDATE, 1, used=290))
    assert (answer.result_code, granted(answer)) == (2001, 0)
    assert switch.held == "0.5"
    switch.client.end(session, 2, used=0)
    assert switch.ended(session)["duration_seconds"] == 290


def test_an_emergency_call_needs_no_credit_and_has_no_last_piece(exchange: Exchange, network: FaultProxy) -> None:
    switch, session = exchange.switch(POOR), fresh()
    first = switch.initial(session, to="sip:999@example.net")
    assert (first.result_code, is_final(first)) == (2001, False)
    network.fault_next([Fault.FAIL_BEFORE] * 2, on="POST /v1/calls/")
    for number in (1, 2):
        more = switch.client.update(session, number, used=granted(first))
        assert more.result_code == 2001
        assert granted(more) > 0
        assert not is_final(more)
    switch.client.end(session, 3, used=0)
    assert switch.ended(session)["charge"] == "0"
