"""What Stripe tells: only Stripe is believed, and each message means one thing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from talktime.core.gateway import BadSignature, DisputeState, Event, EventKind, Order, ProviderError, State
from talktime.payments.provider import Provider
from talktime.payments.stripe.adapter import Stripe, stripe_provider
from talktime.payments.stripe.client import VERSION
from talktime.payments.stripe.events import EVENTS
from tests.payments.shops import RETURN_URL, order
from tests.support.fake_stripe import API_KEY, SECRET, Delivery, FakeStripe, signed
from tests.support.fake_stripe_account import ASKS_THE_HOLDER, TAKES_TIME
from tests.support.fault_proxy import Fault

READER = Stripe(API_KEY, [SECRET])
MESSAGE = {"id": "evt_1", "type": "nothing.new", "created": 1, "livemode": False, "data": {"object": {}}}


def heard(fake: FakeStripe) -> list[Event]:
    return [fake.provider().event(*one) for one in fake.events()]


@pytest.fixture
def paid(fake: FakeStripe) -> tuple[Order, str]:
    """An order, and what Stripe calls it; nobody waits for its event any more."""
    wanted = order(fake.account.card())
    reference = str(fake.provider().charge(wanted).reference)
    fake.events()
    return wanted, reference


def test_stripe_speaks_the_language_of_providers() -> None:
    """The type checker holds the rest."""
    provider: Provider = READER
    assert provider.name == "stripe"


# ---------------------------------------------------------------- who is believed


def test_what_stripe_has_signed_is_believed() -> None:
    assert READER.event(*signed(MESSAGE)).event_id == "evt_1"


@pytest.mark.parametrize("tail", [b" ", b"\n", b"\0"])
def test_a_changed_body_is_not_believed(tail: bytes) -> None:
    body, headers = signed(MESSAGE)
    with pytest.raises(BadSignature):
        READER.event(body + tail, headers)


@pytest.mark.parametrize(
    "signature", ["", "t=1", "v1=00", "t=x,v1=00", "t=1,v1=é", "t=1,v0=00", "=,=,=", "t=9999999999999999999999,v1=0"]
)
def test_what_is_no_signature_is_not_believed(signature: str) -> None:
    with pytest.raises(BadSignature):
        READER.event(signed(MESSAGE).body, {"stripe-signature": signature})


def test_without_a_signature_nothing_is_believed() -> None:
    with pytest.raises(BadSignature):
        READER.event(signed(MESSAGE).body, {})


def test_another_secret_is_not_believed() -> None:
    with pytest.raises(BadSignature):
        READER.event(*signed(MESSAGE, "whsec_other"))


def test_without_a_secret_nobody_is_believed() -> None:
    for secrets in ("", " , "):
        with pytest.raises(BadSignature):
            stripe_provider(API_KEY, secrets).event(*signed(MESSAGE, ""))


def test_while_a_secret_is_replaced_both_are_believed() -> None:
    reader = stripe_provider(API_KEY, "whsec_new, whsec_old", None)
    assert [reader.event(*signed(MESSAGE, one)).event_id for one in ("whsec_new", "whsec_old")] == ["evt_1"] * 2


@pytest.mark.parametrize(("age", "believed"), [(0, True), (290, True), (310, False), (86_400, False)])
def test_what_was_signed_five_minutes_ago_is_not_believed(age: int, believed: bool) -> None:
    delivery = signed(MESSAGE, at=int(time.time()) - age)
    if believed:
        assert READER.event(*delivery).event_id == "evt_1"
    else:
        with pytest.raises(BadSignature):
            READER.event(*delivery)


# ---------------------------------------------------------------- what it means


def test_a_payment_that_succeeded_is_told_as_it_was_answered(fake: FakeStripe) -> None:
    wanted = order(fake.account.card(), 55)
    told = fake.provider().charge(wanted)
    [event] = heard(fake)
    assert (event.kind, replace(event.told, at=told.at)) == (EventKind.PAYMENT, told)
    # The message may have been written a moment after the charge.
    assert event.told.at is not None
    assert told.at is not None
    assert 0 <= event.told.at - told.at <= 2_000_000


def test_a_refusal_is_told_as_it_was_answered(fake: FakeStripe) -> None:
    told = fake.provider().charge(order(fake.account.card("4000000000009995")))
    [event] = heard(fake)
    assert (event.kind, event.told) == (EventKind.PAYMENT, told)


def test_each_step_of_a_payment_is_told(fake: FakeStripe) -> None:
    slow, asked = order(fake.account.card(TAKES_TIME)), order(fake.account.card(ASKS_THE_HOLDER))
    reference = str(fake.provider().charge(slow).reference)
    fake.account.fail(reference, "processing_error")
    other = str(fake.provider().charge(asked).reference)
    fake.provider().authenticate(asked, other, RETURN_URL)
    fake.provider().cancel(asked, other)
    assert [(one.told.state, one.told.code, one.told.payment) for one in heard(fake)] == [
        (State.PROCESSING, None, slow.payment),
        (State.DECLINED, "processing_error", slow.payment),
        (State.REQUIRES_ACTION, None, asked.payment),
        (State.REQUIRES_ACTION, None, asked.payment),
        (State.DECLINED, "canceled", asked.payment),
    ]


def test_a_refund_is_told_once_with_its_name(fake: FakeStripe, paid: tuple[Order, str]) -> None:
    wanted, reference = paid
    fake.provider().refund(wanted, reference, "refund-1", 20_000_000)
    [event] = [one for one in heard(fake) if one.kind is not EventKind.OTHER]
    assert (event.kind, event.refund, event.told.state) == (EventKind.REFUND, "refund-1", State.SUCCEEDED)
    assert (event.told.reference, event.told.payment, event.told.amount) == (reference, wanted.payment, 20_000_000)


def test_a_refund_that_fails_later_is_told(fake: FakeStripe, paid: tuple[Order, str]) -> None:
    wanted, reference = paid
    name = fake.provider().refund(wanted, reference, "refund-1", 20_000_000).reference
    fake.account.fail_refund(str(name))
    event = heard(fake)[-1]
    assert (event.refund, event.told.state, event.told.code) == ("refund-1", State.DECLINED, "lost_or_stolen_card")
    assert fake.provider().look_up_refund(wanted, reference, "refund-1").state is State.DECLINED


def test_a_refund_by_hand_gets_the_names_of_its_payment(fake: FakeStripe, paid: tuple[Order, str]) -> None:
    wanted, reference = paid
    fake.account.refund({"payment_intent": reference, "amount": "100"})
    event = heard(fake)[-1]
    assert (event.kind, event.told.payment) == (EventKind.REFUND, None)
    # It has only the provider's name, which ours never look like.
    assert str(event.refund).startswith("re_")
    told = fake.provider().complete(event).told
    assert (told.organization, told.payment, told.amount) == ("org_1", wanted.payment, 1_000_000)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("won", DisputeState.WON),
        ("lost", DisputeState.LOST),
        ("warning_closed", DisputeState.WON),
        ("prevented", DisputeState.LOST),
    ],
)
def test_a_dispute_is_told_from_beginning_to_end(
    fake: FakeStripe, paid: tuple[Order, str], status: str, state: DisputeState
) -> None:
    wanted, reference = paid
    dispute = fake.account.dispute(reference)
    fake.account.close_dispute(dispute, status)
    events = [fake.provider().complete(one) for one in heard(fake)]
    assert [(one.kind, one.dispute, one.dispute_id) for one in events] == [
        (EventKind.DISPUTE, DisputeState.OPENED, dispute),
        (EventKind.DISPUTE, state, dispute),
    ]
    assert {(one.told.reference, one.told.payment, one.told.amount) for one in events} == {
        (reference, wanted.payment, wanted.amount)
    }


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.FAIL_BEFORE])
def test_names_that_nobody_told_are_asked_for_later(fake: FakeStripe, paid: tuple[Order, str], fault: Fault) -> None:
    fake.account.dispute(paid[1])
    [event] = heard(fake)
    fake.fault_next([fault])
    assert fake.provider().complete(event) == event
    assert fake.provider().complete(event).told.payment == paid[0].payment


def test_what_is_complete_is_not_asked_for(fake: FakeStripe) -> None:
    fake.provider().charge(order(fake.account.card()))
    [event] = heard(fake)
    fake.fault_next([Fault.LOSE_REQUEST])
    assert fake.provider().complete(event) == event
    assert fake.proxy.waiting == 1


def test_what_the_account_sells_besides_is_nothing_to_us(fake: FakeStripe) -> None:
    bought = fake.account.intent({"amount": "500", "currency": "usd", "confirm": "true", **fake.account.card()})
    fake.account.dispute(bought["id"])
    events = [fake.provider().complete(one) for one in heard(fake)]
    assert [one.kind for one in events] == [EventKind.OTHER, EventKind.OTHER]


def test_live_and_test_are_told_apart() -> None:
    assert [READER.event(*signed(MESSAGE | {"livemode": one})).told.live for one in (True, False)] == [True, False]


def test_what_we_do_not_know_is_nothing_to_us() -> None:
    assert READER.event(*signed(MESSAGE)).kind is EventKind.OTHER


def test_the_operator_is_told_what_to_subscribe_to() -> None:
    said = (Path(__file__).parents[2] / "docs" / "stripe.md").read_text()
    assert [one for one in (*EVENTS, VERSION) if one not in said] == []


def test_the_version_is_the_one_of_the_library() -> None:
    """What its types say is what we were checked against."""
    assert stripe.api_version == VERSION


# ---------------------------------------------------------------- whatever comes


def read(content: bytes, headers: Mapping[str, str] | None = None) -> None:
    try:
        READER.event(content, signed_bytes(content) if headers is None else headers)
    except (BadSignature, ProviderError):
        return


def signed_bytes(body: bytes) -> dict[str, str]:
    return {"stripe-signature": stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["usd", "succeeded"])
ANY_JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
FIELDS = (
    *("id", "status", "currency", "amount", "amount_received", "metadata", "livemode", "latest_charge", "created"),
    *("last_payment_error", "next_action", "payment_intent", "mode", "client_reference_id", "setup_intent"),
)
OBJECTS = st.dictionaries(st.sampled_from(FIELDS), ANY_JSON)
MESSAGES = st.fixed_dictionaries(
    {"id": st.text(), "type": st.sampled_from(EVENTS), "created": st.integers(), "livemode": st.booleans()}
    | {"data": st.fixed_dictionaries({"object": OBJECTS | ANY_JSON})}
)


@given(st.binary(), st.text())
def test_whatever_bytes_come_are_believed_or_refused(body: bytes, signature: str) -> None:
    read(body, {"stripe-signature": signature})


@given(st.text(st.characters(codec="utf-8")))
def test_whatever_text_was_signed_is_read_or_refused(body: str) -> None:
    read(body.encode())


@given(ANY_JSON)
def test_whatever_json_was_signed_is_read_or_refused(content: Any) -> None:
    read(json.dumps(content).encode())


@given(MESSAGES)
def test_whatever_objects_were_signed_are_read_or_refused(content: Any) -> None:
    read(json.dumps(content).encode())


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("inner", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, "1" * 10_000, '{"id":' * 50_000])
def test_deep_nesting_and_huge_numbers_are_refused(kind: str, inner: str) -> None:
    body = f'{{"id":"e","type":"{kind}","created":1,"livemode":false,"data":{{"object":{inner}}}}}'.encode()
    with pytest.raises(ProviderError):
        READER.event(body, signed_bytes(body))


@pytest.mark.parametrize("units", [-1, 10**13, 10**30, 1.5, "5", None])
def test_an_amount_that_cannot_be_is_refused(units: object) -> None:
    names = {"organization": "org_1", "payment": "1"}
    about = {"id": "pi_1", "status": "succeeded", "currency": "usd", "livemode": False, "metadata": names}
    event = MESSAGE | {"type": "payment_intent.succeeded", "data": {"object": about | {"amount_received": units}}}
    with pytest.raises(ProviderError):
        READER.event(*signed(event))


def test_a_delivery_may_come_any_number_of_times(fake: FakeStripe) -> None:
    fake.provider().charge(order(fake.account.card()))
    [delivery] = fake.events()
    assert isinstance(delivery, Delivery)
    assert fake.events() == []
    assert fake.provider().event(*delivery) == fake.provider().event(*delivery)
