"""Cards, from the hosted page to the question who their holder is."""

from __future__ import annotations

import httpx
import pytest

from talktime.core.gateway import Card, EventKind, Hosted, ProviderError, State
from tests.payments.shops import RETURN_URL, in_person, order
from tests.support.fake_stripe import FakeStripe
from tests.support.fake_stripe_account import ASKS_THE_HOLDER, ASKS_THEN_DECLINES, DECLINED, GOOD
from tests.support.fault_proxy import Fault


def begun(fake: FakeStripe) -> Hosted:
    return fake.provider().begin_card("org_1", None, RETURN_URL, "https://talktime.example.com/cancel")


def fill_in(page: str, **form: str) -> httpx.Response:
    return httpx.post(page, data=form, trust_env=False)


def test_a_card_is_entered_on_a_page_of_the_provider(fake: FakeStripe) -> None:
    page = begun(fake)
    assert page.url.startswith(fake.url)
    assert fake.provider().finish_card(page.reference) is None
    back = fill_in(page.url, number="4242 4242 4242 4242")
    assert (back.status_code, back.headers["location"]) == (303, RETURN_URL)
    card = fake.provider().finish_card(page.reference)
    assert card is not None
    assert (card.brand, card.last4, card.expires) == ("visa", "4242", "2031-04")
    assert fake.provider().charge(order(card.reference)).state is State.SUCCEEDED


def test_nothing_that_we_keep_of_a_card_is_its_number(fake: FakeStripe) -> None:
    page = begun(fake)
    fill_in(page.url, number=GOOD)
    card = fake.provider().finish_card(page.reference)
    assert isinstance(card, Card)
    assert GOOD not in str(card)


def test_another_card_has_the_same_holder(fake: FakeStripe) -> None:
    first = fake.account.card()
    page = fake.provider().begin_card("org_1", first, RETURN_URL, RETURN_URL)
    fill_in(page.url, number=GOOD)
    second = fake.provider().finish_card(page.reference)
    assert second is not None
    assert second.reference["customer"] == first["customer"]
    assert second.reference["payment_method"] != first["payment_method"]


def test_a_card_that_is_refused_on_the_page_is_none(fake: FakeStripe) -> None:
    page = begun(fake)
    assert fill_in(page.url, number="4000000000000002").status_code == 200
    assert fake.provider().finish_card(page.reference) is None


def test_a_card_whose_holder_is_still_asked_is_none(fake: FakeStripe) -> None:
    page = begun(fake)
    session = fake.account.found(page.reference)
    method = fake.account.card(customer=session["customer"])["payment_method"]
    fake.account.found(session["setup_intent"])["payment_method"] = method
    assert fake.provider().finish_card(page.reference) is None


def test_the_event_of_a_filled_in_page_names_the_organization(fake: FakeStripe) -> None:
    page = begun(fake)
    fill_in(page.url, number=GOOD)
    [delivery] = fake.events()
    event = fake.provider().event(*delivery)
    assert (event.kind, event.told.organization, event.told.reference) == (EventKind.CARD, "org_1", page.reference)


@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.FAIL_AFTER])
def test_no_page_without_an_answer(fake: FakeStripe, fault: Fault) -> None:
    fake.fault_next([fault])
    with pytest.raises(ProviderError, match="answer"):
        begun(fake)


def test_a_forgotten_card_is_not_charged(fake: FakeStripe) -> None:
    method = fake.account.card()
    fake.provider().forget_card(method)
    with pytest.raises(ProviderError):
        fake.provider().charge(order(method))
    assert fake.charges == []


def test_the_card_of_another_provider_is_refused(fake: FakeStripe) -> None:
    with pytest.raises(ProviderError, match="none of Stripe's"):
        fake.provider().charge(order({"simulator_card": GOOD}))


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(("number", "codes"), DECLINED.items())
def test_a_refusal_carries_the_narrowest_code(fake: FakeStripe, number: str, codes: tuple[str, str | None]) -> None:
    wanted = order(fake.account.card(number))
    told = fake.provider().charge(wanted)
    assert (told.state, told.code) == (State.DECLINED, codes[1] or codes[0])
    assert told.payment == wanted.payment
    assert fake.provider().look_up(wanted, told.reference) == told
    assert fake.charges == []


# ---------------------------------------------------------------- who the holder is


def test_the_holder_says_who_he_is_and_the_same_payment_succeeds(fake: FakeStripe) -> None:
    wanted = order(fake.account.card(ASKS_THE_HOLDER))
    asked = fake.provider().charge(wanted)
    assert (asked.state, asked.url, asked.payment) == (State.REQUIRES_ACTION, None, wanted.payment)
    page = fake.provider().authenticate(wanted, str(asked.reference), RETURN_URL)
    assert (page.state, page.reference) == (State.REQUIRES_ACTION, asked.reference)
    assert fill_in(str(page.url), answer="yes").headers["location"] == RETURN_URL
    assert fake.provider().look_up(wanted, asked.reference).state is State.SUCCEEDED
    assert [one.reference for one in fake.charges] == [asked.reference]


def test_asking_for_the_page_again_is_the_same_page(fake: FakeStripe) -> None:
    wanted = order(fake.account.card(ASKS_THE_HOLDER))
    reference = str(fake.provider().charge(wanted).reference)
    pages = {fake.provider().authenticate(wanted, reference, RETURN_URL).url for _ in range(3)}
    assert len(pages) == 1
    asked = [one for one in fake.account.told if one["type"] == "payment_intent.requires_action"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("number", "answer", "code"),
    [
        (ASKS_THE_HOLDER, "no", "payment_intent_authentication_failure"),
        (ASKS_THEN_DECLINES, "yes", "insufficient_funds"),
    ],
)
def test_a_payment_may_be_refused_after_its_holder_was_asked(
    fake: FakeStripe, number: str, answer: str, code: str
) -> None:
    wanted = order(fake.account.card(number))
    reference = str(fake.provider().charge(wanted).reference)
    fill_in(str(fake.provider().authenticate(wanted, reference, RETURN_URL).url), answer=answer)
    told = fake.provider().look_up(wanted, reference)
    assert (told.state, told.code) == (State.DECLINED, code)
    assert fake.charges == []


def test_a_holder_who_is_there_is_asked_at_once(fake: FakeStripe) -> None:
    wanted = in_person(order(fake.account.card(ASKS_THE_HOLDER)))
    told = fake.provider().charge(wanted)
    assert told.state is State.REQUIRES_ACTION
    assert fill_in(str(told.url), answer="yes").headers["location"] == wanted.return_url
    assert fake.provider().look_up(wanted, told.reference).state is State.SUCCEEDED


def test_what_has_succeeded_needs_no_page(fake: FakeStripe) -> None:
    wanted = order(fake.account.card())
    told = fake.provider().charge(wanted)
    assert fake.provider().authenticate(wanted, str(told.reference), RETURN_URL) == told


def test_the_account_is_told_in_a_sentence(fake: FakeStripe) -> None:
    assert fake.provider().check() == "Stripe account acct_example, test mode, can take payments"
