"""Whatever comes from where Stripe should be, no money is presumed and nothing falls over."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from talktime.core.gateway import BadSignature, ProviderError, State
from talktime.payments.stripe.adapter import Stripe
from tests.payments.shops import RETURN_URL, order
from tests.support.fake_stripe import API_KEY, SECRET, signed
from tests.support.fake_stripe_account import ASKS_THE_HOLDER, FakeAccount
from tests.support.fake_stripe_objects import Object, Refusal
from tests.support.loopback import Answer, Loopback, Request

METHOD = {"customer": "cus_example", "payment_method": "pm_example"}
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANY_JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
STATUSES = [200, 201, 204, 304, 400, 401, 402, 403, 404, 409, 418, 429, 500, 503]


class Parrot(Loopback):
    """Says what it was told to."""

    said = Answer(200, {}, b"")

    def answer(self, request: Request) -> Answer:
        return self.said

    def says(self, status: int, body: bytes) -> None:
        self.said = Answer(status, {"Content-Type": "application/json"}, body)


@pytest.fixture(scope="module")
def parrot() -> Iterator[Parrot]:
    with Parrot() as one:
        yield one


def told(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except ProviderError as error:
        return error


def asks(stripe: Stripe) -> list[Callable[[], object]]:
    one = order(METHOD)
    return [
        lambda: stripe.charge(one),
        lambda: stripe.look_up(one, "pi_example"),
        lambda: stripe.look_up(one, None),
        lambda: stripe.cancel(one, None),
        lambda: stripe.authenticate(one, "pi_example", RETURN_URL),
        lambda: stripe.refund(one, "pi_example", "refund-1", 1_000_000),
        lambda: stripe.look_up_refund(one, "pi_example", "refund-1"),
        lambda: stripe.begin_card("org_1", None, RETURN_URL, RETURN_URL),
        lambda: stripe.finish_card("cs_example"),
        lambda: stripe.forget_card(METHOD),
        lambda: list(stripe.taken_since(0)),
        lambda: list(stripe.given_back_since(0)),
        stripe.check,
    ]


GARBAGE = [
    *(b"", b"{}", b"[]", b"null", b"1", b'"text"', b"<html>Bad gateway</html>", b"\xff\xfe", b'{"error": null}'),
    *(b'{"error": "text"}', b'{"error": []}', b'{"error": {}}', b'{"error": {"type": 5, "code": []}}'),
    *(b'{"object": "list"}', b'{"object": "list", "data": null}', b'{"object": "list", "data": [5, null]}'),
    *(b'{"id": 5, "status": "succeeded"}', b"[" * 20_000, b'{"error": {"payment_intent": {"id": 5}}}'),
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
def test_no_strange_answer_is_taken_for_money(parrot: Parrot, body: bytes) -> None:
    for status in STATUSES:
        parrot.says(status, body)
        states = [getattr(told(ask), "state", None) for ask in asks(Stripe(API_KEY, [], parrot.url))]
        assert State.SUCCEEDED not in states, status


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(status=st.sampled_from(STATUSES), content=ANY_JSON | st.fixed_dictionaries({"error": ANY_JSON}))
def test_whatever_json_is_answered_nothing_falls_over(parrot: Parrot, status: int, content: Any) -> None:
    parrot.says(status, json.dumps(content).encode())
    for ask in asks(Stripe(API_KEY, [], parrot.url)):
        told(ask)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 409, 429])
def test_an_outage_is_no_answer(parrot: Parrot, status: int) -> None:
    parrot.says(status, b'{"error": {"type": "api_error", "message": "Example"}}')
    assert Stripe(API_KEY, [], parrot.url).charge(order(METHOD)).state is State.UNKNOWN


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_of_the_request_is_an_error(parrot: Parrot, status: int) -> None:
    parrot.says(status, b'{"error": {"type": "invalid_request_error", "message": "Example"}}')
    with pytest.raises(ProviderError, match="Example"):
        Stripe(API_KEY, [], parrot.url).charge(order(METHOD))


# ---------------------------------------------------------------- messages with one thing wrong


def messages() -> list[Object]:
    account = FakeAccount()
    wanted = {"amount": "500", "currency": "usd", "confirm": "true"}
    names = {"metadata[organization]": "org_1", "metadata[payment]": "1", "metadata[refund]": "2"}
    paid = account.intent({**wanted, **names, **account.card()})
    account.refund({"payment_intent": paid["id"], "amount": "100", **names})
    account.close_dispute(account.dispute(paid["id"]), "won")
    account.intent({**wanted, **names, **account.card(ASKS_THE_HOLDER)})
    page = {"mode": "setup", "customer": account.customer({})["id"], "success_url": RETURN_URL}
    account.fill_in(account.session(page | {"client_reference_id": "org_1"})["id"], "4242424242424242")
    try:
        account.intent({**wanted, **names, **account.card("4000000000000002")})
    except Refusal:
        return account.told
    raise AssertionError("the card was to be refused")


MESSAGES = messages()
READER = Stripe(API_KEY, [SECRET])


@given(st.data())
def test_a_message_with_one_thing_wrong_is_read_or_refused(data: st.DataObject) -> None:
    message = copy.deepcopy(data.draw(st.sampled_from(MESSAGES)))
    spoil(message, data)
    try:
        READER.event(*signed(message))
    except (BadSignature, ProviderError):
        return


def spoil(inside: Any, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(inside)))
    if isinstance(inside[name], dict) and inside[name] and data.draw(st.integers(0, 4)):
        spoil(inside[name], data)
    elif data.draw(st.booleans()):
        inside[name] = data.draw(LEAVES | st.just({}) | st.just([]))
    else:
        del inside[name]
