"""What the operator does in the portal: every step as a person takes it, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from talktime.core.money import micros
from tests.portal.client import PortalWorld, Reader, Shown
from tests.web.client import Organization, World
from tests.web.money import Payer

HERE = "/operator/organizations"
PRICES = b"prefix,per_minute,destination\n1,0.02,United States\n44,0.03,United Kingdom\n"
DEARER = b"prefix,per_minute,destination\n1,0.02,United States\n44,0.06,United Kingdom\n371,0.09,Latvia\n"


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    return portal.world.organization(name="Example Harbour", country="LV", currency="EUR", time_zone="Europe/Riga")


@pytest.fixture
def owner(portal: PortalWorld) -> Reader:
    return portal.as_role(None, "operator", name="Ona Operator")


def second(portal: PortalWorld) -> Reader:
    return portal.as_role(None, "operator", name="Sam Second", email="second@example.com")


def press(reader: Reader, page: str, action: str, **changed: Any) -> Shown:
    """The button or form that stands on a page, and the page it leads to."""
    shown = reader.submit(page, action, **changed)
    return reader.get(shown.to) if shown.status == 303 else shown


# ---------------------------------------------------------------- organizations


def test_an_organization_is_found_by_a_part_of_its_name_and_by_its_id(
    portal: PortalWorld, org: Organization, owner: Reader
) -> None:
    portal.world.organization(name="Another Letterbox")
    org.grant("12.5")
    shown = owner.get(f"{HERE}?q=harb").words
    assert "Example Harbour" in shown and "EUR 12.50" in shown
    assert "Another Letterbox" not in shown
    assert "Example Harbour" in owner.get(f"{HERE}?q={org.id}").words
    assert "None is like that" in owner.get(f"{HERE}?q=nowhere").words


def test_a_new_organization_begins_with_what_was_entered(owner: Reader) -> None:
    values = {"name": "Example Bakery", "country": "BG", "currency": "eur", "time_zone": "Europe/Sofia"}
    made = press(owner, f"{HERE}/new", f"{HERE}/new", **values, mode="test")
    assert made.title == "Example Bakery"
    assert "Bulgaria" in made.words and "EUR" in made.words and "Europe/Sofia" in made.words
    assert "It is added." in made.words


def test_what_is_wrong_with_an_organization_stands_beside_its_field(owner: Reader) -> None:
    values = {"name": "Example Bakery", "country": "BG", "currency": "EUR", "time_zone": "Europe/Nowhere"}
    shown = owner.submit(f"{HERE}/new", f"{HERE}/new", **values)
    assert shown.status == 422
    assert shown.errors == ["This is no time zone of the IANA database, like Europe/Riga."]
    assert shown.form(f"{HERE}/new").values["name"] == "Example Bakery"
    assert owner.submit(f"{HERE}/new", f"{HERE}/new", **(values | {"name": ""})).errors == ["This is needed."]


def test_an_organization_is_changed(org: Organization, owner: Reader) -> None:
    path = f"{HERE}/{org.id}/change"
    assert press(owner, path, path, name="Example Pier", billing_account="postpaid").title == "Example Pier"
    assert org.api.get(org.path).json["billing_account"] == "postpaid"


def test_closing_an_organization_is_asked_again_and_refuses_its_calls(org: Organization, owner: Reader) -> None:
    path = f"{HERE}/{org.id}/close"
    assert "Close Example Harbour?" in owner.get(path).words
    assert "Closed" in press(owner, path, path).words
    assert org.api.get(org.path).json["state"] == "closed"


def test_closing_wants_a_fresh_sign_in(portal: PortalWorld, org: Organization, owner: Reader) -> None:
    path = f"{HERE}/{org.id}/close"
    token = owner.get(path).form(path).values
    portal.world.clock.pass_seconds(3600)
    assert owner.send(path, token).to.startswith("/sign-in/again")
    assert org.api.get(org.path).json["state"] == "open"


def test_whoever_looks_into_an_organization_sees_its_pages_and_a_way_back(
    portal: PortalWorld, org: Organization, owner: Reader
) -> None:
    org.grant("12.5")
    home = press(owner, HERE, f"{HERE}/{org.id}/enter")
    assert home.title == "Example Harbour"
    assert "You look into Example Harbour as the operator." in home.words
    assert "EUR 12.50" in owner.get("/billing/credits").words
    # The operator's own pages are about all of them nevertheless.
    portal.world.organization(name="Another Letterbox")
    assert "Another Letterbox" in owner.get(HERE).words
    assert owner.get(f"{HERE}/org_2").title == "Another Letterbox"
    back = press(owner, "/", "/operator/leave")
    assert back.title == "Organizations" and "You look into" not in back.words


def test_support_looks_into_an_organization_and_changes_nothing(portal: PortalWorld, org: Organization) -> None:
    support = portal.as_role(None, "support")
    assert press(support, HERE, f"{HERE}/{org.id}/enter").title == "Example Harbour"
    assert support.get(f"{HERE}/new").status == 403
    assert f"{HERE}/{org.id}/close" not in support.get(f"{HERE}/{org.id}").links


def test_nobody_of_an_organization_sees_the_operator(portal: PortalWorld, org: Organization) -> None:
    admin = portal.as_role(org, "global_administrator")
    assert [admin.get(path).status for path in (HERE, "/operator/system", "/operator/audit")] == [403, 403, 403]
    assert "/operator/organizations" not in admin.get("/").links


# ---------------------------------------------------------------- limits


def test_limits_show_what_is_in_force_and_keep_what_is_entered(org: Organization, owner: Reader) -> None:
    path = f"{HERE}/{org.id}/limits"
    shown = owner.get(path).form(path).values
    assert shown["limits.fraud.concurrent_calls"] == "20" and shown["limits.fraud.spend_per_day"] == "1,000.00"
    assert "limits.fraud.premium" not in shown and shown["limits.recharges_per_24h"] == "3"
    owner.submit(path, path, **{"limits.fraud.concurrent_calls": "", "limits.fraud.spend_per_hour": "50"})
    fraud = org.api.get(org.path).json["limits"]["fraud"]
    assert fraud["concurrent_calls"] is None and fraud["spend_per_hour"] == "50"
    assert fraud["premium"] is False and fraud["international"] is True


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("limits.slice_seconds", "0", "It must be from 1 to 86400."),
        ("limits.fraud.concurrent_calls", "many", "This is no whole number."),
        ("limits.fraud.spend_per_day", "much", "This is no amount."),
    ],
)
def test_a_wrong_limit_is_told_beside_it_and_changes_nothing(
    org: Organization, owner: Reader, field: str, text: str, said: str
) -> None:
    path, before = f"{HERE}/{org.id}/limits", org.api.get(org.path).json["limits"]
    shown = owner.submit(path, path, **{field: text})
    assert (shown.status, shown.errors) == (422, [said])
    assert shown.form(path).values[field] == text
    assert org.api.get(org.path).json["limits"] == before


# ---------------------------------------------------------------- prices


def imported(owner: Reader, content: bytes = PRICES) -> str:
    path = "/operator/price-lists/new"
    made = owner.upload(path, path, "file", content, name="Example prices", currency="USD", charge_decimals="4")
    return made.to.partition("/draft")[0]


def test_a_price_list_is_imported_looked_at_and_published(owner: Reader) -> None:
    path = imported(owner)
    draft = owner.get(f"{path}/draft")
    assert "The first version of Example prices" in draft.words
    assert "not in force yet" in owner.get(path).words
    shown = press(owner, f"{path}/draft", f"{path}/draft")
    assert "in force since" in shown.words and "United Kingdom" in shown.words


def test_a_preview_tells_what_becomes_dearer_and_what_is_added(owner: Reader) -> None:
    path = imported(owner)
    press(owner, f"{path}/draft", f"{path}/draft")
    draft = owner.get(owner.upload(f"{path}/import", f"{path}/import", "file", DEARER).to)
    assert "Dearer by 100 %" in draft.words and "USD 0.03" in draft.words and "Latvia" in draft.words
    assert "1 new destination" in draft.words
    assert "Latvia" not in owner.get(path).words, "it is not in force"


def test_each_bad_line_of_a_file_is_told_and_nothing_is_taken(owner: Reader) -> None:
    path = "/operator/price-lists/new"
    bad = b"prefix,per_minute\n1,0.02\n44,cheap\nabc,0.01\n"
    shown = owner.upload(path, path, "file", bad, name="Example prices", currency="USD", charge_decimals="4")
    assert shown.status == 422
    assert "Line 3" in shown.words and "Line 4" in shown.words and "2 things are wrong with the file" in shown.words
    assert shown.form(path).values["name"] == "Example prices"
    assert "No prices yet" in owner.get("/operator/price-lists").words


def test_without_a_file_there_is_an_error_beside_it(owner: Reader) -> None:
    path = "/operator/price-lists/new"
    assert owner.submit(path, path, name="Example prices").errors == ["Choose a file that is not empty."]


def test_prices_come_into_force_at_a_time_of_ones_own(portal: PortalWorld, owner: Reader) -> None:
    path = imported(owner)
    shown = press(owner, f"{path}/draft", f"{path}/draft", when="later", at="2030-05-01T00:00")
    assert "Scheduled" in shown.words and "May 1, 2030" in shown.words


def test_a_time_that_is_none_is_told(owner: Reader) -> None:
    path = imported(owner)
    shown = owner.submit(f"{path}/draft", f"{path}/draft", when="later", at="soon")
    assert (shown.status, shown.errors) == (422, ["This is no date and time."])


def test_a_list_becomes_the_default_and_two_are_compared(owner: Reader) -> None:
    one, other = imported(owner), imported(owner, DEARER)
    for path in (one, other):
        press(owner, f"{path}/draft", f"{path}/draft")
    assert "Default" in press(owner, one, one, default="on").words
    compared = owner.get(f"{one}/compare?with={other.rpartition('/')[2]}").words
    assert "Dearer by 100 %" in compared and "1 new destination" in compared


def test_rows_are_found_by_destination_and_by_number(owner: Reader) -> None:
    path = imported(owner)
    assert "United States" not in owner.get(f"{path}?q=kingdom").words
    assert "United Kingdom" in owner.get(f"{path}?q=%2B44%2020%207946%200117").words
    assert "No row is like that." in owner.get(f"{path}?q=nowhere").words


def test_a_new_installation_may_begin_with_made_up_prices(owner: Reader) -> None:
    draft = press(owner, "/operator/price-lists", "/operator/price-lists/illustrative")
    assert draft.title == "What the draft changes"


def test_a_price_manager_imports_prices_and_corrects_no_balance(portal: PortalWorld) -> None:
    manager = portal.as_role(None, "price_manager")
    assert manager.get(imported(manager)).status == 200
    assert manager.get("/operator/corrections").status == 403


# ---------------------------------------------------------------- catalogue


def test_licences_of_ones_own_are_sent_shown_and_taken_away(owner: Reader) -> None:
    path = "/operator/catalogue"
    header = owner.get(f"{path}/licences.csv").content.decode().strip()
    line = ["EXAMPLE_PLAN", "Example plan", *[""] * (header.count(",") - 1)]
    content = f"{header}\n{','.join(line)}\n".encode()
    sent = owner.upload(path, f"{path}/licences", "file", content)
    assert sent.status == 303, sent.words
    assert "Example plan" in owner.get(path).words
    assert b"EXAMPLE_PLAN" in owner.get(f"{path}/licences.csv").content
    assert "Example plan" not in press(owner, path, f"{path}/licences/EXAMPLE_PLAN/remove").words


def test_a_bad_line_of_the_catalogue_is_told(owner: Reader) -> None:
    shown = owner.upload("/operator/catalogue", "/operator/catalogue/numbers", "file", b"prefix,kind\nabc,toll\n")
    assert shown.status == 422 and "Line 2" in shown.words


# ---------------------------------------------------------------- corrections


def correct(reader: Reader, org: Organization, kind: str = "adjustment", **values: str) -> Shown:
    page = f"/operator/corrections/new?organization={org.id}&kind={kind}"
    return press(reader, page, "/operator/corrections/new", **values)


def test_a_small_adjustment_is_booked_at_once(org: Organization, owner: Reader) -> None:
    shown = correct(owner, org, amount="25.5", reason="Counted wrongly")
    assert "It is booked." in shown.words and "Ona Operator" in shown.words
    assert micros(org.balance) == micros("25.5")


def test_a_large_adjustment_waits_for_somebody_else(portal: PortalWorld, org: Organization, owner: Reader) -> None:
    shown = correct(owner, org, amount="2500", reason="Invoice booked twice")
    assert "Invoice booked twice" in shown.words and "You asked for it: somebody else confirms." in shown.words
    assert org.balance == "0"
    action = next(form.action for form in second(portal).get("/operator/corrections").forms if "confirm" in form.action)
    refused = owner.send(action, {"token": shown.form("/sign-out").values["token"]})
    assert refused.status == 403 and "Another person must confirm this." in refused.words
    assert org.balance == "0"


def test_another_person_confirms_it(portal: PortalWorld, org: Organization, owner: Reader) -> None:
    correct(owner, org, amount="2500", reason="Invoice booked twice")
    other = second(portal)
    action = next(form.action for form in other.get("/operator/corrections").forms if "confirm" in form.action)
    shown = press(other, "/operator/corrections", action)
    assert "Nothing waits." in shown.words and "Sam Second" in shown.words
    assert micros(org.balance) == micros("2500")


def test_a_correction_without_a_reason_changes_nothing(org: Organization, owner: Reader) -> None:
    shown = correct(owner, org, amount="25.5", reason="")
    assert (shown.status, shown.errors) == (422, ["This is needed."])
    assert shown.form("/operator/corrections/new").values["amount"] == "25.5"
    assert org.balance == "0"


def test_the_same_form_twice_is_one_correction(org: Organization, owner: Reader) -> None:
    form = owner.get(f"/operator/corrections/new?organization={org.id}").form("/operator/corrections/new")
    for _ in range(2):
        owner.send(form.action, form.values | {"amount": "25.5", "reason": "Counted wrongly"})
    assert micros(org.balance) == micros("25.5")


def test_a_grant_ends_with_its_last_day_by_the_organizations_clock(org: Organization, owner: Reader) -> None:
    correct(owner, org, "grant", amount="10", reason="Welcome", expires="2030-06-30", priority="50")
    [lot] = org.lots
    assert (lot["remaining"], lot["priority"], lot["expires_at"]) == ("10", 50, "2030-06-30T21:00:00Z")


def test_a_grant_that_would_have_ended_is_told_beside_its_day(org: Organization, owner: Reader) -> None:
    shown = correct(owner, org, "grant", amount="10", reason="Welcome", expires="2029-01-01")
    assert shown.errors == ["It must be in the future."] and org.lots == []


def test_a_call_is_given_back(portal: PortalWorld, owner: Reader) -> None:
    portal.world.price_list(default=True)
    org = portal.world.organization()
    org.grant("10")
    call = org.call(60)
    before = micros(org.balance)
    correct(owner, org, "reversal", call_id=call, amount="0.12", reason="Bad line")
    assert micros(org.balance) == before + micros("0.12")
    shown = correct(owner, org, "reversal", call_id="x", amount="1", reason="Bad line")
    assert shown.errors == ["No charged call of this organization has this id."]


def test_whoever_may_not_correct_is_not_offered_it(portal: PortalWorld, org: Organization) -> None:
    support = portal.as_role(None, "support")
    assert "/operator/corrections/new" not in support.get("/operator/corrections").links


# ---------------------------------------------------------------- money that comes in


def invoice(org: Organization) -> str:
    assert org.api.post("/v1/agreements", {"number": "EX-2041"}).status == 201
    made = org.api.post("/v1/top-ups", {"amount": "400", "agreement": "EX-2041", "po_number": "PO-77"})
    return f"/operator/providers/invoices/{org.id}/{made.json['id']}"


def test_an_invoice_is_credited_when_its_money_is_confirmed(org: Organization, owner: Reader) -> None:
    path = invoice(org)
    assert path in owner.get("/operator/providers").links
    assert "Has the money of this invoice come?" in owner.get(path).words
    assert "All invoices are paid." in press(owner, path, path, decision="confirm").words
    assert micros(org.balance) == micros("400")


def test_an_invoice_that_is_rejected_credits_nothing(org: Organization, owner: Reader) -> None:
    path = invoice(org)
    assert "nothing is credited" in press(owner, path, path, decision="reject").words
    assert org.balance == "0"
    assert "This invoice is decided" in owner.get(path).words


def test_an_invoice_is_only_found_with_its_organization(portal: PortalWorld, org: Organization, owner: Reader) -> None:
    other = portal.world.organization()
    assert owner.get(invoice(org).replace(org.id, other.id)).status == 404


def test_providers_are_asked_when_somebody_wants_to_know(owner: Reader) -> None:
    assert "Reached" not in owner.get("/operator/providers").words
    assert "Reached" in owner.get("/operator/providers?check=1").words


def test_a_message_of_nobody_we_know_is_closed_with_a_note(portal: PortalWorld, owner: Reader) -> None:
    payer = Payer(portal.world)
    event = {"type": "payment_succeeded", "top_up": "pay_unknown", "amount": "10", "currency": "USD"}
    assert portal.world.operator.post(f"{payer.org.path}/simulator/events", event).status == 200
    listed = owner.get("/operator/reconciliation")
    assert "Taken for a payment that we do not know" in listed.words
    path = next(link for link in listed.links if link.startswith("/operator/reconciliation/org_"))
    assert owner.submit(path, path, note="").errors == ["This is needed."]
    assert "No difference" in press(owner, path, path, note="A test of the bank").words
    kept = payer.org.api.get("/v1/audit").json["data"]
    assert [row["new"]["note"] for row in kept if row["action"] == "reconciliation.closed"] == ["A test of the bank"]


def test_books_and_providers_are_compared_when_asked(owner: Reader) -> None:
    shown = owner.submit("/operator/reconciliation", "/operator/reconciliation")
    assert "Compared with all providers" in shown.words and "0 differences were found." in shown.words


# ---------------------------------------------------------------- watching


def test_the_fraud_guard_shows_whom_it_has_stopped_and_what_is_in_force(org: Organization, owner: Reader) -> None:
    user = org.user(name="Busy Person").json["id"]
    org.api.post(f"/v1/users/{user}/block", {"reason": "spend_per_day"})
    shown = owner.get("/operator/fraud-guard").words
    assert "Busy Person" in shown and "The user has spent what the fraud guard allows in a day" in shown
    assert "EUR 1,000.00" in shown and "Premium" in shown


def test_a_verification_is_begun_and_told(owner: Reader) -> None:
    assert "It was not added up yet" in owner.get("/operator/ledger").words
    press(owner, "/operator/ledger", "/operator/ledger")
    deadline = time.monotonic() + 20
    while "Everything adds up" not in (shown := owner.get("/operator/ledger").words):
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
    assert "Ona Operator" in shown
    assert "Verification of the ledger" in owner.get("/operator/jobs").words


def test_the_operator_sees_what_is_due_and_what_is_kept_for_how_long(owner: Reader) -> None:
    shown = owner.get("/operator/system").words
    for words in ("Work that is due", "Calls whose time is over 0", "Books last verified", "Processes of this machine"):
        assert words in shown
    assert "Who spoke with whom For ever" in shown
    assert "Sessions that are over 30 days" in shown


def test_the_operator_asks_from_there_whether_providers_are_reached(owner: Reader) -> None:
    shown = owner.get("/operator/system")
    assert "Payment providers Simulator of test organizations Check them now" in shown.words
    assert "/operator/providers?check=1" in shown.html
    assert "Reached" in owner.get("/operator/providers?check=1").words


# ---------------------------------------------------------------- people


def test_somebody_is_invited_given_another_role_and_removed(portal: PortalWorld, owner: Reader) -> None:
    path = "/operator/members"
    values = {"name": "Pia Prices", "email": "pia@example.com", "roles": ["price_manager"]}
    shown = press(owner, f"{path}/new", f"{path}/new", **values)
    assert "Pia Prices" in shown.words and "Price manager" in shown.words and "Invited" in shown.words
    own = next(one for one in shown.links if one.startswith(f"{path}/mem_") and "Pia" in owner.get(one).title)
    assert "Auditor" in press(owner, own, own, roles=["auditor"]).words
    assert "The invitation is on its way." in press(owner, own, f"{own}/invite").words
    assert "1 person has left" in press(owner, own, f"{own}/remove").words


def test_an_address_that_is_used_already_is_told_beside_it(owner: Reader) -> None:
    path = "/operator/members/new"
    values = {"name": "Twice", "email": "operator@example.com", "roles": ["support"]}
    assert owner.submit(path, path, **values).errors == ["Somebody or something else has this already."]
    assert owner.submit(path, path, name="None", email="none@example.com", roles=[]).errors == ["This is needed."]


def test_somebody_is_signed_out_everywhere(portal: PortalWorld, owner: Reader) -> None:
    other = second(portal)
    own = next(one for one in owner.get("/operator/members").links if "Sam" in owner.get(one).title)
    assert "The person is signed out everywhere." in press(owner, own, f"{own}/end-sessions").words
    assert other.get(HERE).to.startswith("/sign-in")


def test_nobody_removes_himself(owner: Reader) -> None:
    mine = next(link for link in owner.get("/operator/members").links if link.startswith("/operator/members/mem_"))
    assert f"{mine}/remove" not in [form.action for form in owner.get(mine).forms]
    token = owner.get(mine).form(mine).values["token"]
    assert owner.send(f"{mine}/remove", {"token": token}).status == 403


def test_what_the_operator_changed_stands_in_the_audit_log(owner: Reader) -> None:
    imported(owner)
    shown = owner.get("/operator/audit").words
    assert "Price list created" in shown and "Ona Operator" in shown


@pytest.mark.parametrize("language", ["bg", "ru", "lv", "ro", "sl"])
def test_the_pages_open_in_every_language(portal: PortalWorld, org: Organization, language: str) -> None:
    reader = portal.as_role(None, "operator", language=language)
    paths = (HERE, f"{HERE}/{org.id}", f"{HERE}/{org.id}/limits", "/operator/corrections", "/operator/system")
    assert [reader.get(path).status for path in paths] == [200] * len(paths)


def test_the_lists_are_the_same_on_both_databases(anywhere: World, portal_anywhere: PortalWorld) -> None:
    org = anywhere.organization(name="Example Harbour")
    org.grant("12.5")
    owner = portal_anywhere.as_role(None, "operator")
    assert "USD 12.50" in owner.get(f"{HERE}?q=HARB").words
    for path in ("/operator/corrections", "/operator/providers", "/operator/fraud-guard", "/operator/jobs"):
        assert owner.get(path).status == 200, path
