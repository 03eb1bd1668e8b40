"""Service numbers, as an administrator meets them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.portal.client import PortalWorld, Reader
from tests.web.client import Organization

LIST, NEW = "/numbers", "/numbers/new"
BRIDGE, FREEPHONE = "+442079460100", "+448085700100"
READ = "+44 20 7946 0100"
"""The bridge as people read it."""


@pytest.fixture
def org(portal: PortalWorld) -> Organization:
    return portal.world.organization()


@pytest.fixture
def admin(portal: PortalWorld, org: Organization) -> Reader:
    return portal.as_role(org, "communications_administrator")


def numbers(org: Organization) -> list[Any]:
    return list(org.api.get("/v1/numbers").json["data"])


def number(org: Organization, **fields: Any) -> str:
    made = org.api.post("/v1/numbers", {"number": BRIDGE, "type": "toll", "serves": "conference", **fields})
    assert made.status == 201, made.content
    return f"/numbers/{made.json['id']}"


def test_without_numbers_the_list_says_what_to_do(admin: Reader) -> None:
    page = admin.get(LIST)
    assert (page.title, NEW in page.links) == ("Numbers", True)
    assert "No numbers yet" in page.words


def test_a_number_is_added_as_people_write_it(admin: Reader, org: Organization) -> None:
    done = admin.submit(NEW, NEW, number="+44 (0)20", serves="queue")
    assert done.status == 422
    done = admin.submit(NEW, NEW, number=READ, serves="queue")
    assert done.to == f"{LIST}?said=number-added"
    [made] = numbers(org)
    assert (made["number"], made["type"], made["serves"]) == (BRIDGE, "toll", "queue")
    assert f"{READ} Call queue" in admin.get(LIST).words


def test_pressed_twice_it_is_one_number(admin: Reader, org: Organization) -> None:
    values = admin.get(NEW).form(NEW).values | {"number": BRIDGE}
    assert [admin.send(NEW, values).status for _ in range(2)] == [303, 303]
    assert len(numbers(org)) == 1


@pytest.mark.parametrize(
    ("entered", "said"),
    [("", "This is needed."), ("12", "The number is no usable E.164 number."), (BRIDGE, "has this already")],
)
def test_a_number_that_cannot_be_is_refused_beside_its_field(
    admin: Reader, org: Organization, entered: str, said: str
) -> None:
    number(org)
    refused = admin.submit(NEW, NEW, number=entered, serves="attendant")
    assert (refused.status, len(refused.errors)) == (422, 1)
    assert said in refused.errors[0]
    assert refused.form(NEW).values["serves"] == "attendant"


def test_toll_free_numbers_need_funds_and_the_page_says_so(portal: PortalWorld, org: Organization) -> None:
    admin = portal.as_role(org, "global_administrator")
    page = admin.get(NEW)
    assert "Toll-free numbers need funds first" in page.words
    assert "/billing/credits/add" in page.links
    refused = admin.submit(NEW, NEW, number=FREEPHONE, type="toll_free")
    assert refused.errors == ["The organization has not set up communication credits."]
    assert numbers(org) == []
    org.grant("10")
    assert "Toll-free numbers need funds first" not in admin.get(NEW).words
    assert admin.submit(NEW, NEW, number=FREEPHONE, type="toll_free").status == 303


def test_without_funds_the_list_says_that_nobody_can_call_toll_free(admin: Reader, org: Organization) -> None:
    org.grant("10")
    number(org, number=FREEPHONE, type="toll_free")
    assert "Nobody can call" not in admin.get(LIST).words
    org.adjust("-10")
    assert org.balance == "0"
    page = admin.get(LIST)
    assert "Nobody can call the toll-free numbers" in page.words
    # Who may not add funds is offered no button for it.
    assert "/billing/credits/add" not in page.links


def test_what_a_number_serves_is_changed(admin: Reader, org: Organization) -> None:
    bridge = number(org)
    assert bridge in admin.get(LIST).links
    assert admin.submit(bridge, bridge, serves="attendant").to == f"{LIST}?said=saved"
    assert numbers(org)[0]["serves"] == "attendant"


def test_a_number_is_removed_after_a_question(admin: Reader, org: Organization) -> None:
    bridge = number(org)
    assert admin.get(f"{bridge}/remove").title == f"Remove {READ}?"
    assert len(numbers(org)) == 1
    assert admin.submit(f"{bridge}/remove", f"{bridge}/remove").to == f"{LIST}?said=number-removed"
    assert numbers(org) == []
    assert admin.get(bridge).status == 404


def test_numbers_of_others_are_not_found(admin: Reader, portal: PortalWorld) -> None:
    assert admin.get(number(portal.world.organization())).status == 404


def test_a_helpdesk_sees_numbers_and_changes_none(portal: PortalWorld, org: Organization) -> None:
    bridge = number(org)
    helpdesk = portal.as_role(org, "helpdesk")
    page = helpdesk.get(LIST)
    assert READ in page.words
    assert NEW not in page.links
    shown = helpdesk.get(bridge)
    assert "Audio conferencing" in shown.words
    assert [form.action for form in shown.forms if form.action.startswith("/numbers")] == []
