"""What holds for every page there is."""

from __future__ import annotations

import re

import pytest

from talktime.core.roles import OPERATOR_ROLES, ORGANIZATION_ROLES, rights_of
from talktime.portal.table import PAGES
from tests.portal.client import PortalWorld, Reader
from tests.web.money import Payer

PLAIN = [page for page in PAGES if not page.public and not page.changes and "{" not in page.path]
ABOUT_ONE = ("/calls/story",)
"""They are nothing without a name in their query."""
LEADING = {
    "/billing": "/billing/products",
    "/calls": "/calls/live",
    "/help": "/help/credits",
    "/operator": "/operator/organizations",
    "/reports": "/reports/usage",
    "/settings": "/settings/organization",
    "/users": "/users/list",
}
"""They show nothing by themselves."""
CHANGING = [page for page in PAGES if page.changes and not page.public]


@pytest.fixture
def payer(portal: PortalWorld) -> Payer:
    payer = Payer(portal.world)
    payer.card()
    payer.pay("100")
    return payer


def operator(portal: PortalWorld) -> Reader:
    return portal.as_role(None, "operator")


def test_every_page_opens_and_has_one_heading_and_no_inline_script_or_style(portal: PortalWorld, payer: Payer) -> None:
    admin, owner = portal.as_role(payer.org, "global_administrator"), operator(portal)
    led: dict[str, str] = {}
    for page in PLAIN:
        reader = owner if page.path.startswith("/operator") else admin
        shown = reader.get(page.path)
        if page.path in ABOUT_ONE:
            assert shown.status in (303, 404)
            continue
        assert shown.status in (200, 303), (page.path, shown.status, shown.words[:300])
        if shown.status == 303:
            led[page.path] = shown.to
        if shown.status != 200 or not shown.html.lstrip().startswith("<!doctype html>"):
            continue
        assert len(re.findall(r"<h1\b", shown.html)) == 1 + shown.html.count('id="panel-title"'), page.path
        assert " style=" not in shown.html, page.path
        assert re.search(r"<script(?![^>]* src=)", shown.html) is None, page.path
        assert re.search(r"\son[a-z]+=\"", shown.html) is None, page.path
        ids = re.findall(r'\sid="([^"]+)"', shown.html)
        assert len(ids) == len(set(ids)), (page.path, sorted(one for one in ids if ids.count(one) > 1))
    assert led == LEADING


@pytest.mark.parametrize("role", [*ORGANIZATION_ROLES, *OPERATOR_ROLES])
def test_nobody_sees_or_changes_more_than_the_table_of_roles_says(portal: PortalWorld, payer: Payer, role: str) -> None:
    reader = portal.as_role(payer.org, role)
    token = re.search(r'name="token" value="([^"]+)"', reader.get("/help/credits").html)
    assert token
    rights = rights_of([role])
    for page in [*PLAIN, *CHANGING]:
        if page.right is None or page.right in rights:
            continue
        path = re.sub(r"\{[^}]+\}", "1", page.path)
        shown = reader.send(path, {"token": token[1]}) if page.changes else reader.get(path)
        assert shown.status == 403, (role, page.method, page.path)


def test_every_changing_page_wants_a_right_or_is_about_oneself(portal: PortalWorld) -> None:
    own = ("/me", "/sign-", "/language", "/theme")
    assert [page.path for page in CHANGING if page.right is None and not page.path.startswith(own)] == []


def test_pages_that_change_something_have_rights_to_change(portal: PortalWorld) -> None:
    looking = ("/operator/organizations/{org}/enter", "/operator/leave")
    reading = ("/reports/exports", *looking)
    wrong = [page.path for page in CHANGING if page.right and not page.right.changes and page.path not in reading]
    assert wrong == []


def test_a_changing_page_without_its_token_is_refused(portal: PortalWorld, payer: Payer) -> None:
    admin, owner = portal.as_role(payer.org, "global_administrator"), operator(portal)
    for page in CHANGING:
        reader = owner if page.path.startswith("/operator") else admin
        assert reader.send(re.sub(r"\{[^}]+\}", "1", page.path), {}).status == 403, page.path
