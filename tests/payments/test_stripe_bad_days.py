"""Lost requests, lost answers, 500s, delays and doubles: no order takes money twice, and no silence is a decline."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from talktime.core.gateway import NotLetIn, Order, ProviderError, State, Told
from talktime.payments.stripe.adapter import Stripe
from tests.payments.shops import RETURN_URL, order
from tests.support.fake_stripe import API_KEY, FakeStripe
from tests.support.fake_stripe_account import ASKS_THE_HOLDER, TAKES_TIME
from tests.support.fault_proxy import Fault

CHARGING = "POST /v1/payment_intents"
REFUNDING = "POST /v1/refunds"
UNHEARD = [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.FAIL_BEFORE, Fault.FAIL_AFTER]
ACTED = {Fault.LOSE_ANSWER, Fault.FAIL_AFTER}


@pytest.fixture
def wanted(fake: FakeStripe) -> Order:
    return order(fake.account.card())


@pytest.mark.parametrize("fault", UNHEARD)
def test_silence_is_no_decline(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    fake.fault_next([fault], on=CHARGING)
    assert fake.provider().charge(wanted) == Told(state=State.UNKNOWN)
    assert len(fake.charges) == (fault in ACTED)


@pytest.mark.parametrize("fault", UNHEARD)
def test_the_same_order_again_takes_money_once(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    fake.fault_next([fault, fault], on=CHARGING)
    told = [fake.provider().charge(wanted).state for _ in range(4)]
    assert told == [State.UNKNOWN, State.UNKNOWN, State.SUCCEEDED, State.SUCCEEDED]
    assert [one.order for one in fake.charges] == [wanted.key]


@pytest.mark.parametrize("fault", UNHEARD)
def test_what_nobody_heard_of_is_found_by_our_own_names(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    fake.fault_next([fault], on=CHARGING)
    fake.provider().charge(wanted)
    found = fake.provider().look_up(wanted, None)
    assert found.state is (State.SUCCEEDED if fault in ACTED else State.ABSENT)


@pytest.mark.parametrize("fault", UNHEARD)
def test_silence_about_a_look_up_is_no_absence(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    reference = fake.provider().charge(wanted).reference
    fake.fault_next([fault, fault])
    assert fake.provider().look_up(wanted, None).state is State.UNKNOWN
    assert fake.provider().look_up(wanted, reference) == Told(state=State.UNKNOWN, reference=reference)


@pytest.mark.parametrize("fault", UNHEARD)
def test_the_same_refund_again_gives_money_back_once(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    reference = fake.provider().charge(wanted).reference
    assert reference is not None
    fake.fault_next([fault], on=REFUNDING)
    told = [fake.provider().refund(wanted, reference, "refund-1", 1_000_000).state for _ in range(2)]
    assert told == [State.UNKNOWN, State.SUCCEEDED]
    assert [one.units for one in fake.refunds] == [100]


@pytest.mark.parametrize("fault", UNHEARD)
def test_silence_about_a_refund_is_no_absence(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    fake.provider().charge(wanted)
    fake.fault_next([fault])
    assert fake.provider().look_up_refund(wanted, "pi_example", "refund-1").state is State.UNKNOWN


def test_a_request_that_comes_twice_takes_money_once(fake: FakeStripe, wanted: Order) -> None:
    fake.fault_next([Fault.DUPLICATE], on=CHARGING)
    assert fake.provider().charge(wanted).state is State.SUCCEEDED
    assert len(fake.charges) == 1


def test_an_answer_that_takes_too_long_is_not_waited_for(wanted: Order) -> None:
    with FakeStripe(delay_seconds=1.5) as slow:
        wanted = order(slow.account.card())
        slow.fault_next([Fault.DELAY], on=CHARGING)
        assert slow.provider(read_seconds=1).charge(wanted).state is State.UNKNOWN
        assert len(slow.charges) == 1


def test_an_order_that_is_still_worked_on_is_not_known_yet(fake: FakeStripe, wanted: Order) -> None:
    fake.working.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(fake.provider().charge, wanted)
        _await_work(fake)
        assert fake.provider().charge(wanted).state is State.UNKNOWN
        fake.working.set()
    assert first.result().state is State.SUCCEEDED
    assert len(fake.charges) == 1


def _await_work(fake: FakeStripe) -> None:
    for _ in range(500):
        if fake.busy:
            return
        time.sleep(0.01)
    raise AssertionError("nothing came")


@pytest.mark.parametrize("acts", [True, False])
def test_a_failure_that_stripe_repeats_is_cleared_up_by_looking(fake: FakeStripe, wanted: Order, acts: bool) -> None:
    """A 500 of Stripe's own is repeated for the same key, whatever became of the money."""
    fake.break_next(acts)
    assert [fake.provider().charge(wanted).state for _ in range(2)] == [State.UNKNOWN, State.UNKNOWN]
    assert fake.provider().look_up(wanted, None).state is (State.SUCCEEDED if acts else State.ABSENT)
    assert len(fake.charges) == acts


def test_the_same_order_again_is_told_as_it_stands_now(fake: FakeStripe) -> None:
    """Stripe repeats its first answer."""
    slow = order(fake.account.card(TAKES_TIME))
    reference = str(fake.provider().charge(slow).reference)
    fake.account.succeed(reference)
    assert fake.provider().charge(slow).state is State.SUCCEEDED
    assert len(fake.charges) == 1


def test_nobody_at_home_is_silence(wanted: Order) -> None:
    assert Stripe(API_KEY, [], "http://127.0.0.1:9").charge(wanted).state is State.UNKNOWN


def test_a_key_that_is_not_accepted_says_nothing_of_the_card(fake: FakeStripe, wanted: Order) -> None:
    with pytest.raises(NotLetIn, match="key"):
        Stripe("sk_test_other", [], fake.url).charge(wanted)
    assert fake.charges == []


@pytest.mark.parametrize("status", [401, 403])
def test_who_was_turned_away_asks_again_under_the_same_key(fake: FakeStripe, wanted: Order, status: int) -> None:
    fake.turns_away = status
    with pytest.raises(NotLetIn):
        fake.provider().charge(wanted)
    fake.turns_away = None
    assert fake.provider().charge(wanted).state is State.SUCCEEDED


def test_live_and_test_do_not_mix(fake: FakeStripe, wanted: Order) -> None:
    live = Stripe("sk_live_example", [], fake.url)
    with pytest.raises(NotLetIn, match="mode"):
        live.charge(wanted)


# ---------------------------------------------------------------- making sure that nothing more happens


def test_an_order_that_was_stopped_before_it_came_never_succeeds(fake: FakeStripe, wanted: Order) -> None:
    stopped = fake.provider().cancel(wanted, None)
    assert (stopped.state, stopped.code) == (State.DECLINED, "canceled")
    assert fake.provider().charge(wanted).state is not State.SUCCEEDED
    assert fake.provider().look_up(wanted, None) == stopped
    assert fake.charges == []


def test_an_order_that_was_stopped_too_late_says_that_it_succeeded(fake: FakeStripe, wanted: Order) -> None:
    fake.fault_next([Fault.LOSE_ANSWER], on=CHARGING)
    fake.provider().charge(wanted)
    assert fake.provider().cancel(wanted, None).state is State.SUCCEEDED


def test_an_order_that_is_under_way_is_not_said_to_be_stopped(fake: FakeStripe, wanted: Order) -> None:
    fake.working.clear()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(fake.provider().charge, wanted)
        _await_work(fake)
        assert fake.provider().cancel(wanted, None) == Told(state=State.UNKNOWN)
        fake.working.set()
    assert first.result().state is State.SUCCEEDED


@pytest.mark.parametrize("fault", UNHEARD)
def test_silence_about_a_stop_is_no_stop(fake: FakeStripe, wanted: Order, fault: Fault) -> None:
    fake.fault_next([fault], on=CHARGING)
    assert fake.provider().cancel(wanted, None).state is State.UNKNOWN
    assert fake.provider().cancel(wanted, None).code == "canceled"
    assert fake.provider().charge(wanted).state is not State.SUCCEEDED


def test_what_takes_its_time_is_not_stopped(fake: FakeStripe) -> None:
    slow = order(fake.account.card(TAKES_TIME))
    told = fake.provider().charge(slow)
    assert told.state is State.PROCESSING
    assert fake.provider().cancel(slow, told.reference).state is State.PROCESSING
    fake.account.succeed(str(told.reference))
    assert fake.provider().look_up(slow, told.reference).state is State.SUCCEEDED


@pytest.mark.parametrize("fault", UNHEARD)
def test_silence_while_the_holder_is_asked_leaves_one_payment(fake: FakeStripe, fault: Fault) -> None:
    wanted = order(fake.account.card(ASKS_THE_HOLDER))
    reference = str(fake.provider().charge(wanted).reference)
    fake.fault_next([fault], on=f"{CHARGING}/{reference}/confirm")
    assert fake.provider().authenticate(wanted, reference, RETURN_URL).state is State.UNKNOWN
    assert fake.provider().authenticate(wanted, reference, RETURN_URL).url is not None
    assert len(fake.account.of_kind("payment_intent")) == 1


def test_a_report_that_breaks_off_is_an_error_and_no_short_report(fake: FakeStripe, wanted: Order) -> None:
    fake.provider().charge(wanted)
    fake.fault_next([Fault.LOSE_ANSWER])
    with pytest.raises(ProviderError, match="answer"):
        list(fake.provider().taken_since(0))


def test_the_report_goes_on_over_all_pages(fake: FakeStripe) -> None:
    method = fake.account.card()
    for one in range(205):
        fake.account.intent(
            {
                "amount": "5000",
                "currency": "usd",
                "confirm": "true",
                "metadata[organization]": "org_1",
                "metadata[payment]": f"payment-{one}",
                **method,
            }
        )
    assert len({one.payment for one in fake.provider().taken_since(0)}) == 205


def test_what_the_account_sells_besides_is_left_out_of_the_report(fake: FakeStripe) -> None:
    method = fake.account.card()
    fake.account.intent({"amount": "5000", "currency": "usd", "confirm": "true", **method})
    assert len(fake.charges) == 1
    assert list(fake.provider().taken_since(0)) == []


def test_what_was_begun_yesterday_and_succeeds_today_is_in_todays_report(fake: FakeStripe) -> None:
    wanted = order(fake.account.card(ASKS_THE_HOLDER))
    reference = str(fake.provider().charge(wanted).reference)
    fake.account.found(reference)["created"] -= 24 * 3600
    fake.provider().authenticate(wanted, reference, RETURN_URL)
    fake.account.authenticate(reference, succeeds=True)
    today = (int(time.time()) - 3600) * 1_000_000
    assert [one.payment for one in fake.provider().taken_since(today)] == [wanted.payment]
