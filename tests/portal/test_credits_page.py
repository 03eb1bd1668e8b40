"""Billing > Products & services > Communication credits, as an administrator meets it."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlsplit

import pytest

from tests.portal.client import PortalWorld, Reader
from tests.web.money import ASKS, GOOD, LOST, POOR, SECOND, Payer

CREDITS = "/billing/credits"
ADD, PAY = f"{CREDITS}/add", f"{CREDITS}/add/pay"
RECHARGE = f"{CREDITS}/recharge"
MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def payer(portal: PortalWorld) -> Payer:
    return Payer(portal.world, price_list=portal.world.price_list({"prefix": "1", "per_minute": "0.10"}))


@pytest.fixture
def admin(portal: PortalWorld, payer: Payer) -> Reader:
    return portal.as_role(payer.org, "billing_administrator")


def test_the_areas_stand_in_their_order(portal: PortalWorld, payer: Payer) -> None:
    payer.card()
    payer.pay("100")
    page = portal.as_role(payer.org, "global_administrator").get(CREDITS)
    assert (page.status, page.title) == (200, "Communication credits")
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", page.html)
    assert headings == ["Consumption", "Billing", "Activity", "Alerts"]
    words = page.words
    tiles = ("TEST MODE", "Balance", "Held by calls", "Pending top-up", "Balance less what is held")
    places = [words.index(text) for text in tiles]
    assert places == sorted(places)
    # The two doors to the same panel, one of them near the bottom.
    assert words.index("Modify recharge settings") < words.index("Activity") < words.index("Auto recharge settings")
    assert page.links.count(RECHARGE) == 2


def test_before_the_first_funds_it_says_what_to_do(admin: Reader) -> None:
    page = admin.get(CREDITS)
    assert "No credits yet" in page.words
    assert ADD in page.links


# ---------------------------------------------------------------- add more funds


def test_funds_are_added_in_two_steps(admin: Reader, payer: Payer) -> None:
    card = payer.card()
    step = admin.submit(ADD, ADD, amount="75.50", pay=f"card:{card}")
    assert "Pay USD 75.50 now?" in step.words
    assert "We charge Visa •••• 4242 USD 75.50 today, May 2, 2030" in step.words
    assert "until May 2, 2031" in step.words
    assert payer.payments == []
    done = admin.send(PAY, step.form(PAY).values)
    assert done.to == f"{CREDITS}?said=paid"
    assert "The funds are added." in admin.get(done.to).words
    assert payer.org.balance == "75.5"


def test_pressed_twice_it_is_one_payment(admin: Reader, payer: Payer) -> None:
    card = payer.card()
    step = admin.submit(ADD, ADD, amount="60", pay=f"card:{card}")
    values = step.form(PAY).values
    assert [admin.send(PAY, values).status for _ in range(3)] == [303, 303, 303]
    assert payer.ended == ["succeeded"]


def test_a_declined_card_says_so_and_another_try_is_another_payment(admin: Reader, payer: Payer) -> None:
    card = payer.card(POOR)
    step = admin.submit(ADD, ADD, amount="60", pay=f"card:{card}")
    declined = admin.send(PAY, step.form(PAY).values)
    assert (declined.status, declined.errors) == (422, ["The card had no funds left."])
    assert declined.form(PAY).values["once"] != step.form(PAY).values["once"]
    assert payer.org.balance == "0"


def test_a_card_that_asks_leads_to_the_bank(admin: Reader, payer: Payer) -> None:
    card = payer.card(ASKS)
    step = admin.submit(ADD, ADD, amount="60", pay=f"card:{card}")
    assert admin.send(PAY, step.form(PAY).values).to.startswith("/simulator/authenticate/")
    # It is pending, and shows so after a reload.
    assert "USD 60.00 Not counted yet" in admin.get(CREDITS).words


@pytest.mark.parametrize(
    ("amount", "error"),
    [
        ("", "This is needed."),
        ("much", "This is no amount."),
        ("10", "It must be from 50 to 10000 USD."),
        ("99999999999999999999", "This is no amount."),
        ("60.001", "This has more decimals than USD has."),
    ],
)
def test_a_wrong_amount_is_told_beside_the_field(admin: Reader, payer: Payer, amount: str, error: str) -> None:
    card = payer.card()
    shown = admin.submit(ADD, ADD, amount=amount, pay=f"card:{card}")
    assert (shown.status, shown.errors) == (422, [error])
    assert shown.form(ADD).values["amount"] == amount


def test_a_pick_fills_the_amount_without_a_script(admin: Reader) -> None:
    pick = next(link for link in admin.get(ADD).links if link.startswith(f"{ADD}?amount=500"))
    assert admin.get(pick).form(ADD).values["amount"] == "500.00"


def test_amounts_are_read_as_the_reader_writes_them(portal: PortalWorld, payer: Payer) -> None:
    card = payer.card()
    reader = portal.as_role(payer.org, "billing_administrator", language="lv")
    step = reader.submit(ADD, ADD, amount="1 250,75", pay=f"card:{card}")
    assert reader.send(PAY, step.form(PAY).values).status == 303
    assert payer.org.balance == "1250.75"


def test_an_invoice_waits_for_its_money(admin: Reader, payer: Payer) -> None:
    admin.submit("/billing/payment-options", "/billing/payment-options/agreements", number="EX-2044-01")
    step = admin.submit(ADD, ADD, amount="500", pay="agreement:EX-2044-01", po="10-2231")
    assert "We send an invoice for USD 500.00 on agreement EX-2044-01" in step.words
    assert admin.send(PAY, step.form(PAY).values).to == f"{CREDITS}?said=invoiced"
    assert payer.ended == ["awaiting_confirmation"]


@pytest.mark.parametrize(
    ("pay", "error"),
    [
        ("", "Choose how to pay."),
        ("card:none", "There is no such payment method."),
        ("agreement:none", "There is no agreement with this number."),
        ("whatever", "Choose how to pay."),
    ],
)
def test_means_that_are_none_are_told_before_anything_is_asked_for(
    admin: Reader, payer: Payer, pay: str, error: str
) -> None:
    payer.card()
    admin.submit("/billing/payment-options", "/billing/payment-options/agreements", number="EX-2044-01")
    shown = admin.submit(ADD, ADD, amount="60", pay=pay)
    assert (shown.status, shown.errors) == (422, [error])


def test_a_purchase_order_is_for_agreements_alone(admin: Reader, payer: Payer) -> None:
    card = payer.card()
    admin.submit("/billing/payment-options", "/billing/payment-options/agreements", number="EX-2044-01")
    shown = admin.submit(ADD, ADD, amount="60", pay=f"card:{card}", po="10-2231")
    assert (shown.status, shown.errors) == (422, ["A purchase order number belongs to a payment on an agreement."])


def test_who_chose_nothing_does_not_pay_with_the_default_card(admin: Reader, payer: Payer) -> None:
    card = payer.card()
    values = admin.submit(ADD, ADD, amount="60", pay=f"card:{card}").form(PAY).values
    assert admin.send(PAY, values | {"pay": "whatever"}).status == 422
    assert payer.payments == []


def test_adding_funds_never_touches_auto_recharge(admin: Reader, payer: Payer) -> None:
    card = payer.card()
    before = payer.setting
    step = admin.submit(ADD, ADD, amount="60", pay=f"card:{card}")
    admin.send(PAY, step.form(PAY).values)
    assert payer.setting == before


def test_who_pays_afterwards_is_told_that_nothing_is_sold(portal: PortalWorld) -> None:
    payer = Payer(portal.world, billing_account="postpaid")
    page = portal.as_role(payer.org, "billing_administrator").get(ADD)
    assert "The organization pays afterwards; it cannot add funds." in page.words


# ---------------------------------------------------------------- auto-recharge


def on(payer: Payer, **fields: str | None) -> dict[str, str | None]:
    values = {"enabled": "on", "recharge_amount": "200", "trigger": "100", "consent": "on"}
    return {**values, "method": payer.card(), **fields}


def test_auto_recharge_is_a_sentence_with_the_real_numbers(admin: Reader, payer: Payer) -> None:
    payer.card()
    payer.pay("150")
    values = on(payer, backup=payer.card(SECOND), limit="1000")
    assert admin.submit(RECHARGE, RECHARGE, **values).to == f"{CREDITS}?said=saved"
    words = admin.get(CREDITS).words
    assert "When the balance falls below USD 100.00 we charge Visa •••• 4242 USD 200.00" in words
    assert "at most USD 1,000.00 a month ; USD 0.00 used in May 2030." in words.replace("month; ", "month ; ")


def test_saving_below_the_trigger_says_first_that_it_charges(admin: Reader, payer: Payer) -> None:
    values = on(payer)
    warned = admin.submit(RECHARGE, RECHARGE, **values)
    assert warned.status == 200
    assert "Save changes and charge USD 200.00" in warned.words
    assert payer.payments == []
    saved = admin.send(RECHARGE, {**warned.form(RECHARGE).values, **values})
    assert saved.to == f"{CREDITS}?said=charged"
    payer.settle()
    assert payer.org.balance == "200"


def test_another_amount_than_on_the_button_is_asked_about_again(admin: Reader, payer: Payer) -> None:
    values = on(payer)
    warned = admin.submit(RECHARGE, RECHARGE, **values)
    changed = {**warned.form(RECHARGE).values, **values, "recharge_amount": "900"}
    again = admin.send(RECHARGE, changed)
    assert "Save changes and charge USD 900.00" in again.words
    assert payer.payments == []


def test_without_consent_nothing_is_saved(admin: Reader, payer: Payer) -> None:
    refused = admin.submit(RECHARGE, RECHARGE, **on(payer, consent=None))
    assert refused.errors == ["Without your consent nothing may be charged."]
    assert payer.setting["enabled"] is False


def test_errors_of_the_panel_stand_beside_their_fields(admin: Reader, payer: Payer) -> None:
    refused = admin.submit(RECHARGE, RECHARGE, **on(payer, trigger="300", limit="abc"))
    assert refused.errors == ["This is no amount."]
    refused = admin.submit(RECHARGE, RECHARGE, **on(payer, trigger="300"))
    assert refused.errors == ["The trigger must not be above the recharge amount."]


def test_it_is_switched_off_without_more_questions(admin: Reader, payer: Payer) -> None:
    payer.card()
    payer.pay("150")
    admin.submit(RECHARGE, RECHARGE, **on(payer))
    assert admin.submit(RECHARGE, RECHARGE, enabled=None, consent=None).to == f"{CREDITS}?said=saved"
    assert "Auto-recharge is off." in admin.get(CREDITS).words


def test_the_gravest_problem_is_the_only_banner(admin: Reader, payer: Payer) -> None:
    payer.card()
    payer.pay("50")
    payer.decline("expired_card")
    warned = admin.submit(RECHARGE, RECHARGE, **on(payer))
    admin.send(RECHARGE, {**warned.form(RECHARGE).values, **on(payer)})
    payer.settle()
    page = admin.get(CREDITS)
    assert page.html.count('class="banner') == 1
    assert "Payment failed, and auto-recharge is paused" in page.words
    assert "The card has expired." in page.words
    assert "/billing/payment-options" in page.links


# ---------------------------------------------------------------- activity


def test_charges_are_summed_between_other_movements(admin: Reader, payer: Payer) -> None:
    payer.card()
    payer.pay("100")
    for _ in range(3):
        payer.org.call(60)
    payer.pay("50")
    payer.org.call(120)
    words = admin.get(CREDITS).words
    assert "3 bookings" in words
    assert f"{MINUS}0.30" in words
    page = admin.get(f"{CREDITS}?tab=charges")
    assert page.html.count(f"{MINUS}0.") == 4
    file = admin.get(f"{CREDITS}/activity.csv?tab=charges")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.content.count(b"\n") == 5


def test_every_balance_of_the_list_follows_from_the_one_below(admin: Reader, payer: Payer) -> None:
    payer.card()
    for round_ in range(4):
        payer.pay("50")
        payer.org.call(60 * (round_ + 1))
        payer.move(f"2030-05-{4 + round_:02}T08:00:00Z")
    lines = [line.split(",") for line in admin.get(f"{CREDITS}/activity.csv").content.decode().splitlines()[1:]]
    amounts = [(Decimal(line[5]), Decimal(line[6])) for line in lines]
    assert len(amounts) == 8
    assert all(above[1] - above[0] == below[1] for above, below in pairwise(amounts))


def test_a_day_that_is_none_is_told(admin: Reader) -> None:
    assert admin.get(f"{CREDITS}?from=yesterday").status == 422


# ---------------------------------------------------------------- who may


def test_a_helpdesk_sees_it_all_and_changes_nothing(portal: PortalWorld, payer: Payer) -> None:
    reader = portal.as_role(payer.org, "helpdesk")
    page = reader.get(CREDITS)
    assert page.status == 200
    assert not {ADD, RECHARGE} & set(page.links)
    for path in (ADD, RECHARGE):
        assert reader.get(path).status == 403
        assert reader.send(path, {"token": page.form("/sign-out").values["token"], "amount": "60"}).status == 403


def test_a_report_reader_does_not_even_see_the_balance(portal: PortalWorld, payer: Payer) -> None:
    reader = portal.as_role(payer.org, "report_reader")
    assert reader.get(CREDITS).status == 403
    assert "Available now" not in reader.get("/").words


def test_nobody_sees_another_organization(portal: PortalWorld, admin: Reader) -> None:
    other = Payer(portal.world)
    other.card(GOOD)
    other.pay("77")
    receipt = other.api.get("/v1/receipts").json["data"][0]["id"]
    assert admin.get(f"/billing/receipts/{receipt}.pdf").status == 404


def test_whoever_is_not_signed_in_is_sent_to_the_door_and_back(portal: PortalWorld) -> None:
    assert portal.nobody().get(f"{CREDITS}?tab=charges").to == "/sign-in?next=%2Fbilling%2Fcredits%3Ftab%3Dcharges"


def test_a_form_of_another_site_changes_nothing(admin: Reader, payer: Payer) -> None:
    card = payer.card()
    values = {**admin.get(ADD).form(ADD).values, "amount": "60", "pay": f"card:{card}"}
    assert admin.send(ADD, values, origin="https://evil.example").status == 403
    assert admin.send(ADD, values | {"token": "0" * 64}).status == 403
    assert admin.send(ADD, values).status == 200


def test_pages_are_kept_by_nobody_and_run_no_script_of_others(admin: Reader) -> None:
    page = admin.get(CREDITS)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert " style=" not in page.html
    assert re.search(r"<script(?![^>]* src=)", page.html) is None
    assert re.search(r"\son[a-z]+=", page.html) is None


def test_a_card_that_declines_is_replaced_by_one_button(admin: Reader, payer: Payer) -> None:
    payer.card(LOST)
    payer.recharge()
    page = admin.get("/billing/payment-options")
    assert "The new card takes the place of Visa •••• 9987 for auto-recharge." in page.words
    assert "As soon as it is saved, USD 120.00 is charged to it" in page.words
    form = page.form("/billing/payment-options/cards/replace")
    entered = admin.send(form.action, form.values).to
    back = payer.world.nobody.send("POST", entered, b"number=4242424242424242", "application/x-www-form-urlencoded")
    payer.world.nobody.get(urlsplit(back.headers["location"]).path)
    payer.settle()
    assert (payer.state, payer.money[0]) == ("on", "120")
    assert "waits for another card" not in admin.get("/billing/payment-options").words


def test_only_who_may_pay_replaces_a_card(portal: PortalWorld, payer: Payer) -> None:
    payer.card(LOST)
    payer.recharge()
    reader = portal.as_role(payer.org, "helpdesk")
    page = reader.get("/billing/payment-options")
    assert "Replace the card" not in page.words
    token = page.form("/sign-out").values["token"]
    assert reader.send("/billing/payment-options/cards/replace", {"token": token, "charge": "120"}).status == 403
