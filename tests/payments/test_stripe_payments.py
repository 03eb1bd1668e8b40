"""What Stripe does with an order, said of a fake and of a Stripe that others wrote."""

from __future__ import annotations

import time

import pytest

from talktime.core.gateway import ProviderError, State, Told
from tests.payments.shops import Shop, order
from tests.support.fake_stripe_account import ASKS_THE_HOLDER, GOOD

DECLINES_LATER = "4000000000000341"
SECOND = 1_000_000


def test_a_charge_takes_exactly_what_was_ordered(shop: Shop) -> None:
    begun = int(time.time()) * SECOND
    wanted = order(shop.card(GOOD), 55)
    told = shop.provider.charge(wanted)
    assert (told.state, told.amount, told.currency) == (State.SUCCEEDED, 55_000_000, "USD")
    assert (told.organization, told.payment, told.live) == ("org_1", wanted.payment, False)
    assert told.at is not None
    assert begun <= told.at <= int(time.time()) * SECOND


def test_a_refused_card_is_a_decline_with_its_code(shop: Shop) -> None:
    told = shop.provider.charge(order(shop.card(DECLINES_LATER)))
    assert told.state is State.DECLINED
    assert told.code in ("generic_decline", "card_declined")


@pytest.mark.parametrize("number", [GOOD, DECLINES_LATER, ASKS_THE_HOLDER])
def test_what_is_told_of_an_order_names_it(shop: Shop, number: str) -> None:
    wanted = order(shop.card(number))
    shop.provider.charge(wanted)
    told = shop.provider.look_up(wanted, None)
    assert (told.order, told.payment) == (wanted.key, wanted.payment)


def test_a_payment_is_found_by_its_reference(shop: Shop) -> None:
    wanted = order(shop.card(GOOD))
    told = shop.provider.charge(wanted)
    assert shop.provider.look_up(wanted, told.reference) == told


def test_a_payment_is_found_by_our_own_names(shop: Shop) -> None:
    method = shop.card(GOOD)
    orders = [order(method) for _ in range(3)]
    told = [shop.provider.charge(one) for one in orders]
    assert [shop.provider.look_up(one, None) for one in orders] == told


def test_what_was_refused_is_found_as_refused(shop: Shop) -> None:
    wanted = order(shop.card(DECLINES_LATER))
    told = shop.provider.charge(wanted)
    found = shop.provider.look_up(wanted, None)
    assert (found.state, found.code) == (State.DECLINED, told.code)


def test_an_order_that_never_came_is_absent(shop: Shop) -> None:
    method = shop.card(GOOD)
    shop.provider.charge(order(method))
    assert shop.provider.look_up(order(method), None) == Told(state=State.ABSENT)


def test_a_card_whose_holder_must_be_asked_takes_nothing(shop: Shop) -> None:
    told = shop.provider.charge(order(shop.card(ASKS_THE_HOLDER)))
    assert (told.state, told.amount) == (State.REQUIRES_ACTION, None)
    assert told.reference is not None


def test_what_waits_for_its_holder_can_be_canceled(shop: Shop) -> None:
    wanted = order(shop.card(ASKS_THE_HOLDER))
    told = shop.provider.charge(wanted)
    ended = shop.provider.cancel(wanted, told.reference)
    assert (ended.state, ended.code) == (State.DECLINED, "canceled")
    assert shop.provider.look_up(wanted, told.reference) == ended


def test_what_has_succeeded_cannot_be_canceled_and_says_so(shop: Shop) -> None:
    wanted = order(shop.card(GOOD))
    told = shop.provider.charge(wanted)
    assert shop.provider.cancel(wanted, told.reference) == told


def test_an_order_is_refunded_in_parts_and_each_part_is_found(shop: Shop) -> None:
    wanted = order(shop.card(GOOD), 50)
    reference = shop.provider.charge(wanted).reference
    assert reference is not None
    parts = {"refund-1": 20_000_000, "refund-2": 30_000_000}
    told = [shop.provider.refund(wanted, reference, name, amount) for name, amount in parts.items()]
    assert [(one.state, one.amount) for one in told] == [(State.SUCCEEDED, part) for part in parts.values()]
    assert [shop.provider.look_up_refund(wanted, reference, name) for name in parts] == told
    assert shop.provider.look_up_refund(wanted, reference, "refund-3") == Told(state=State.ABSENT)


def test_what_was_never_paid_is_not_refunded(shop: Shop) -> None:
    wanted = order(shop.card(DECLINES_LATER))
    shop.provider.charge(wanted)
    reference = shop.provider.look_up(wanted, None).reference
    assert reference is not None
    with pytest.raises(ProviderError):
        shop.provider.refund(wanted, reference, "refund-1", 1_000_000)


def test_a_card_is_forgotten_any_number_of_times(shop: Shop) -> None:
    method = shop.card(GOOD)
    shop.provider.forget_card(method)
    shop.provider.forget_card(method)


def test_the_reconciler_sees_what_was_taken_and_nothing_else(shop: Shop) -> None:
    begun = int(time.time()) * SECOND
    method = shop.card(GOOD)
    taken = {shop.provider.charge(order(method)).payment for _ in range(3)}
    shop.provider.charge(order(shop.card(DECLINES_LATER)))
    seen = list(shop.provider.taken_since(begun))
    assert taken <= {one.payment for one in seen}
    assert {one.state for one in seen} == {State.SUCCEEDED}
    assert list(shop.provider.taken_since(begun + 3600 * SECOND)) == []


def test_a_card_that_nobody_knows_is_an_error_and_not_a_decline(shop: Shop) -> None:
    wanted = order({"customer": "cus_nobody", "payment_method": "pm_nobody"})
    with pytest.raises(ProviderError):
        shop.provider.charge(wanted)
