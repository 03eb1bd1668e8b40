from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from talktime.core.emails import is_email
from talktime.core.ledger import EntryKind
from talktime.core.money import MICROS_PER_UNIT, decimals_of
from talktime.core.receipts import BillingDetails, Party, buyer_of, card_text, seller_of, shown_number, vat_of
from talktime.core.statements import StatementRow, folded
from talktime.core.time import DAY

rates = st.integers(0, 10_000)
currencies = st.sampled_from(["EUR", "JPY", "KWD"])
amounts = st.integers(-(10**15), 10**15)


@given(amounts, currencies, rates)
def test_net_and_vat_are_the_total_for_every_rate_and_amount(amount: int, currency: str, rate: int) -> None:
    vat = vat_of(amount, currency, rate)
    assert vat is not None
    assert vat.net + vat.tax == amount
    assert 0 <= vat.tax * (1 if amount >= 0 else -1) <= abs(amount)


@given(st.integers(0, 10**12), currencies, rates)
def test_what_can_be_paid_is_split_into_what_can_be_paid(units: int, currency: str, rate: int) -> None:
    unit = MICROS_PER_UNIT // 10 ** decimals_of(currency)
    vat = vat_of(units * unit, currency, rate)
    assert vat is not None
    assert vat.net % unit == vat.tax % unit == 0
    # The net is the nearest: with the rate on top it is the total, give or take half a unit of net.
    assert abs(vat.net * (10_000 + rate) - units * unit * 10_000) * 2 <= unit * (10_000 + rate)


@given(amounts, currencies, rates)
def test_a_credit_note_is_the_mirror_of_its_invoice(amount: int, currency: str, rate: int) -> None:
    there, back = vat_of(amount, currency, rate), vat_of(-amount, currency, rate)
    assert there is not None
    assert back is not None
    assert (back.net, back.tax) == (-there.net, -there.tax)


@pytest.mark.parametrize(
    ("amount", "currency", "rate", "split"),
    [
        (50_000_000, "EUR", 2100, (41_320_000, 8_680_000)),
        (50_000_000, "EUR", 0, (50_000_000, 0)),
        (5_000_000_000, "JPY", 1000, (4_545_000_000, 455_000_000)),
        (15_000_000, "KWD", 550, (14_218_000, 782_000)),
        (123_456, "EUR", 0, (123_456, 0)),
    ],
)
def test_vat_is_what_a_calculator_says(amount: int, currency: str, rate: int, split: tuple[int, int]) -> None:
    vat = vat_of(amount, currency, rate)
    assert vat is not None
    assert (vat.net, vat.tax) == split


def test_without_a_rate_there_is_no_vat() -> None:
    assert vat_of(50_000_000, "EUR", None) is None


def test_numbers_and_cards_are_shown_like_people_know_them() -> None:
    assert [shown_number(one) for one in (17, 1_234_567)] == ["R-000017", "R-1234567"]
    assert [card_text(brand, "4242") for brand in ("visa", "amex")] == ["Visa •••• 4242", "American Express •••• 4242"]


def test_the_seller_is_said_in_the_settings_and_the_buyer_in_its_details() -> None:
    assert seller_of("Example", "1 Example Street | Example Town|", "") == Party(
        "Example", ("1 Example Street", "Example Town")
    )
    assert buyer_of(BillingDetails(), "Example") == Party("Example")
    assert buyer_of(BillingDetails("Example Ltd", ("Example Road",), "X1"), "Example") == Party(
        "Example Ltd", ("Example Road",), "X1"
    )


def row(at: int, kind: EntryKind, amount: int, after: int) -> StatementRow:
    return StatementRow(at, kind, "", amount, after)


def test_calls_of_one_day_without_anything_between_are_one_line() -> None:
    rows = [
        row(0, EntryKind.CHARGE, -1, 9),
        row(1, EntryKind.CHARGE, -2, 7),
        row(2, EntryKind.TOP_UP, 5, 12),
        row(3, EntryKind.TOP_UP, 5, 17),
        row(4, EntryKind.CHARGE, -1, 16),
        row(DAY, EntryKind.CHARGE, -1, 15),
    ]
    lines = folded(rows, "UTC")
    assert [(line.count, line.amount, line.balance_after) for line in lines] == [
        (2, -3, 7),
        (1, 5, 12),
        (1, 5, 17),
        (1, -1, 16),
        (1, -1, 15),
    ]


def test_a_day_is_one_of_the_organizations_calendar() -> None:
    rows = [row(hour * 3_600_000_000, EntryKind.CHARGE, -1, -hour) for hour in (20, 21)]
    assert len(folded(rows, "UTC")) == 1
    assert len(folded(rows, "Europe/Riga")) == 2


@pytest.mark.parametrize("text", ["a@example.com", "a.b+c@mail.example.com", "ā@example.com", "a@b" + "c" * 251])
def test_an_address_is_taken(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text", ["", "a", "@", "a@", "@example.com", "a@b@c", "a b@example.com", "a@exam\nple.com", "a@b" + "c" * 252]
)
def test_what_is_no_address_is_told(text: str) -> None:
    assert not is_email(text)
