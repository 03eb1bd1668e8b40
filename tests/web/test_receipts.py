"""Receipts, statements and billing details through the door."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from talktime.actions import receipts
from talktime.actions.organizations import locked
from talktime.core.receipts import ReceiptKind
from talktime.core.time import DAY
from talktime.settings import Settings
from talktime.storage.database import Tx
from tests.documents.paper import text_of
from tests.support.receipts import AT, SELLER, issued, paid
from tests.web.client import Organization, World
from tests.web.conftest import opened

DETAILS: dict[str, Any] = {
    "legal_name": "Example Holding Ltd",
    "address": ["1 Example Street", "Example Town"],
    "vat_id": "LV40000000000",
    "vat_rate": "21",
    "receipts_to": ["accounts@example.com"],
}
NOTHING: dict[str, Any] = {"legal_name": None, "address": [], "vat_id": None, "vat_rate": None, "receipts_to": []}


@pytest.fixture
def org(anywhere: World) -> Organization:
    return anywhere.organization(language="lv", time_zone="Europe/Riga")


def receipt(world: World, org: Organization, **fields: Any) -> str:
    return issued(world.app.database, org.id, **fields).receipt_id


def listed(org: Organization) -> list[dict[str, Any]]:
    return list(org.api.get("/v1/receipts").json["data"])


# ---------------------------------------------------------------- receipts


def test_a_receipt_is_listed_and_read(anywhere: World, org: Organization) -> None:
    receipt_id = receipt(anywhere, org, card="Visa •••• 4242")
    (only,) = listed(org)
    assert only == {
        "id": receipt_id,
        "number": "R-000001",
        "kind": "receipt",
        "top_up": "pay_1",
        "amount": "50",
        "currency": "USD",
        "at": "2030-03-17T17:46:40Z",
        "agreement": None,
        "po_number": None,
        "refers_to": None,
    }
    assert org.api.get(f"/v1/receipts/{receipt_id}").json == only


def test_documents_of_all_kinds_share_one_row_of_numbers_in_each_organization(
    anywhere: World, org: Organization
) -> None:
    other = anywhere.organization()
    receipt(anywhere, org)
    receipt(anywhere, org, kind=ReceiptKind.INVOICE, payment_id="pay_2", agreement="EA-17", po_number="PO-1")
    receipt(anywhere, other)
    receipt(anywhere, org, kind=ReceiptKind.CREDIT_NOTE, payment_id="pay_2", amount=10_500_000)
    assert [(row["number"], row["kind"], row["amount"]) for row in listed(org)] == [
        ("R-000003", "credit_note", "-10.5"),
        ("R-000002", "invoice", "50"),
        ("R-000001", "receipt", "50"),
    ]
    assert [row["number"] for row in listed(other)] == ["R-000001"]


def test_a_credit_note_names_the_document_of_its_payment(anywhere: World, org: Organization) -> None:
    receipt(anywhere, org, payment_id="pay_1")
    receipt(anywhere, org, payment_id="pay_2")
    receipt(anywhere, org, kind=ReceiptKind.CREDIT_NOTE, payment_id="pay_1", amount=1)
    receipt(anywhere, org, kind=ReceiptKind.CREDIT_NOTE, payment_id="pay_1", refers_to="R-000099")
    receipt(anywhere, org, kind=ReceiptKind.CREDIT_NOTE, payment_id="pay_9")
    assert [row["refers_to"] for row in listed(org)][:3] == [None, "R-000099", "R-000001"]


def test_a_number_that_was_not_used_after_all_is_used_by_the_next(anywhere: World, org: Organization) -> None:
    class Undone(Exception):
        pass

    def half(tx: Tx) -> None:
        receipts.issue(tx, locked(tx, org_id), SELLER, paid())
        raise Undone

    org_id = int(org.id.removeprefix("org_"), 16)
    receipt(anywhere, org)
    with pytest.raises(Undone):
        anywhere.app.database.write(org_id, half)
    receipt(anywhere, org)
    assert [row["number"] for row in listed(org)] == ["R-000002", "R-000001"]


def test_receipts_that_are_made_at_once_have_numbers_without_gaps(anywhere: World, org: Organization) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: receipt(anywhere, org), range(24)))
    numbers = [row["number"] for row in org.api.get("/v1/receipts", limit=100).json["data"]]
    assert sorted(numbers) == [f"R-{number:06d}" for number in range(1, 25)]


def test_a_receipt_is_a_pdf_in_the_language_of_the_organization(anywhere: World, org: Organization) -> None:
    receipt_id = receipt(anywhere, org, card="Visa •••• 4242", expires_at=AT + 365 * DAY)
    answer = org.api.get(f"/v1/receipts/{receipt_id}.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == 'inline; filename="R-000001.pdf"'
    text = text_of(answer.content)
    said = (
        "Kvīts",
        "R-000001",
        "USD 50,00",
        "Visa •••• 4242",
        "2030. gada 17. marts",
        "2031. gada 17. marts",
        "Example Ltd",
    )
    assert [word for word in said if word not in text] == []


def test_a_receipt_is_a_page_that_runs_nothing(anywhere: World, org: Organization) -> None:
    answer = org.api.get(f"/v1/receipts/{receipt(anywhere, org)}.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'; style-src 'self'" in answer.headers["content-security-policy"]
    assert '<html lang="lv">' in answer.content.decode()
    style = anywhere.nobody.get("/v1/document.css")
    assert 'href="/v1/document.css"' in answer.content.decode()
    assert (style.status, style.headers["content-type"]) == (200, "text/css; charset=utf-8")


def test_what_was_said_once_stays_said(anywhere: World, org: Organization) -> None:
    assert org.api.put("/v1/billing-details", DETAILS).status == 200
    receipt_id = receipt(anywhere, org)
    before = org.api.get(f"/v1/receipts/{receipt_id}.pdf").content
    assert [
        word for word in ("Example Holding Ltd", "PVN 21%", "USD 41,32", "USD 8,68") if word not in text_of(before)
    ] == []

    assert org.api.put("/v1/billing-details", {"legal_name": "Another Example", "vat_rate": "5.5"}).status == 200
    assert anywhere.operator.patch(org.path, {"language": "ro", "name": "Another Name"}).status == 200
    assert org.api.get(f"/v1/receipts/{receipt_id}.pdf").content == before
    assert "TVA 5,5 %" in text_of(org.api.get(f"/v1/receipts/{receipt(anywhere, org)}.pdf").content).replace(
        "\xa0", " "
    )


def test_receipts_of_others_are_not_there(anywhere: World, org: Organization) -> None:
    receipt_id, other = receipt(anywhere, org), anywhere.organization().key("funds")
    paths = [f"/v1/receipts/{receipt_id}{form}" for form in ("", ".pdf", ".html")]
    assert [other.get(path).status for path in paths] == [404] * 3
    assert [org.api.get(path.replace(receipt_id, "rcp_unknown")).status for path in paths] == [404] * 3
    assert [org.key("users").get(path).status for path in paths] == [403] * 3


def test_the_list_has_pages_newest_first(anywhere: World, org: Organization) -> None:
    for _ in range(3):
        receipt(anywhere, org)
    first = org.api.get("/v1/receipts", limit=2).json
    second = org.api.get("/v1/receipts", limit=2, cursor=first["next"]).json
    assert [row["number"] for row in first["data"] + second["data"]] == ["R-000003", "R-000002", "R-000001"]


# ---------------------------------------------------------------- billing details


def test_billing_details_are_kept_as_they_were_sent(org: Organization) -> None:
    assert org.api.get("/v1/billing-details").json == NOTHING
    assert org.api.put("/v1/billing-details", DETAILS).json == DETAILS
    assert org.api.get("/v1/billing-details").json == DETAILS
    assert org.api.put("/v1/billing-details", {"vat_rate": "0"}).json == NOTHING | {"vat_rate": "0"}
    assert org.api.put("/v1/billing-details", {"vat_rate": None}).json == NOTHING


def test_saving_billing_details_is_in_the_audit_log_once(org: Organization) -> None:
    for _ in range(2):
        org.api.put("/v1/billing-details", DETAILS)
    rows = [row for row in org.api.get("/v1/audit").json["data"] if row["action"] == "billing_details.changed"]
    assert len(rows) == 1
    assert (rows[0]["old"]["vat_rate"], rows[0]["new"]["vat_rate"]) == (None, 2100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("vat_rate", "101"),
        ("vat_rate", "5.555"),
        ("vat_rate", "-1"),
        ("vat_rate", 21),
        ("legal_name", ""),
        ("legal_name", "two\nlines"),
        ("address", ["x" * 101]),
        ("address", ["x"] * 7),
        ("receipts_to", ["nobody"]),
        ("receipts_to", ["a@example.com", "b c@example.com"]),
        ("surprise", "1"),
    ],
)
def test_a_detail_that_cannot_be_is_named_and_changes_nothing(world: World, field: str, value: Any) -> None:
    org = world.organization()
    org.api.put("/v1/billing-details", DETAILS)
    answer = org.api.put("/v1/billing-details", DETAILS | {field: value})
    assert answer.status == 422
    assert [name.partition("[")[0] for name in answer.fields] == [field]
    assert org.api.get("/v1/billing-details").json == DETAILS


def test_details_do_not_touch_the_numbers(anywhere: World, org: Organization) -> None:
    receipt(anywhere, org)
    org.api.put("/v1/billing-details", DETAILS)
    receipt(anywhere, org)
    assert [row["number"] for row in listed(org)] == ["R-000002", "R-000001"]


# ---------------------------------------------------------------- statements


def test_a_statement_says_what_moved_in_a_month_and_what_is_left(anywhere: World, org: Organization) -> None:
    org.grant("12")
    anywhere.clock.pass_days(31)
    org.grant("100")
    org.adjust("-3.5")
    anywhere.clock.pass_days(31)
    org.grant("7")
    text = text_of(org.api.get("/v1/statements/2030-05.pdf").content)
    said = ("Konta izraksts", "2030. gada 1. maijs", "2030. gada 31. maijs", "Example Ltd", "Sākuma bilance USD 12,00")
    assert [word for word in said if word not in text] == []
    assert "Piešķirti naudas līdzekļi 100,00 112,00" in text
    assert "Korekcija: Counted wrongly -3,50 108,50" in text
    assert "Beigu bilance USD 108,50" in text


def test_calls_of_a_day_are_one_line_of_the_statement(world: World) -> None:
    world.price_list(default=True)
    org = world.organization()
    org.grant("10")
    for _ in range(3):
        org.call(60)
    text = text_of(org.api.get("/v1/statements/2030-04.pdf").content)
    assert "3 calls -0.36 9.64" in text
    assert "April 1, 2030 \N{EN DASH} April 2, 2030" in text


def test_a_month_begins_at_midnight_of_the_organization(anywhere: World) -> None:
    riga, utc = (anywhere.organization(time_zone=zone) for zone in ("Europe/Riga", "UTC"))
    anywhere.clock.at += 28 * DAY + 14 * 3_600_000_000
    for org in (riga, utc):
        org.grant("5")
    assert "5.00 5.00" in text_of(riga.api.get("/v1/statements/2030-05.pdf").content)
    assert "5.00 5.00" in text_of(utc.api.get("/v1/statements/2030-04.pdf").content)
    assert utc.api.get("/v1/statements/2030-05.pdf").status == 404


def test_a_month_without_movements_carries_the_balance_on(world: World) -> None:
    org = world.organization()
    org.grant("12")
    world.clock.pass_days(60)
    page = org.api.get("/v1/statements/2030-05.html").content.decode()
    assert "Nothing moved in this period." in page
    assert page.count("USD\N{NO-BREAK SPACE}12.00") == 2


@pytest.mark.parametrize(
    "month",
    ["2030-05", "2030-03", "2030-13", "2030-4", "0000-01", "9999-12", "next", "\N{FULLWIDTH DIGIT TWO}030-04", ""],
)
def test_there_is_no_statement_of_a_month_to_come_of_one_before_or_of_none(world: World, month: str) -> None:
    org = world.organization()
    assert org.api.get("/v1/statements/2030-04.pdf").status == 200
    assert [org.api.get(f"/v1/statements/{month}{form}").status for form in (".pdf", ".html")] == [404, 404]


def test_a_test_organization_lives_by_its_own_months(world: World) -> None:
    org = world.organization(mode="test")
    assert world.operator.put(f"{org.path}/clock", {"now": "2031-07-15T00:00:00Z"}).status == 200
    org.grant("5")
    assert "5.00 5.00" in text_of(org.api.get("/v1/statements/2031-07.pdf").content)
    assert org.api.get("/v1/statements/2031-08.pdf").status == 404


@pytest.fixture
def with_seller(empty_data: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(empty_data, tmp_path / "data")
    seller: dict[str, Any] = {
        "seller_name": "Example Telephony",
        "seller_address": "1 Example Street|Example Town",
        "seller_vat_id": "X1",
    }
    with opened(Settings(data=tmp_path / "data", **seller)) as made:
        yield made


def test_the_seller_of_the_settings_is_on_it(with_seller: World) -> None:
    answer = with_seller.organization().api.get("/v1/statements/2030-04.pdf")
    reader = PdfReader(BytesIO(answer.content))
    assert reader.metadata is not None
    assert reader.metadata.author == "Example Telephony"
    text = text_of(answer.content)
    assert [word for word in ("1 Example Street", "Example Town", "VAT ID: X1") if word not in text] == []
