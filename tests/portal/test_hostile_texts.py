"""Whatever somebody types stays text: on pages, in files, and in where a link leads."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser
from io import StringIO
from urllib.parse import quote

import pytest

from talktime.portal.table import PAGES
from tests.portal.client import PASSWORD, PortalWorld, Reader, Shown
from tests.portal.hostile import CALL, OWN_CALL, PRODUCT, TEXT, Hostile

LISTS = [page.path for page in PAGES if not page.public and not page.changes and "{" not in page.path]
TYPED = quote(TEXT, safe="")


@pytest.fixture
def hostile(portal: PortalWorld) -> Hostile:
    return Hostile(portal)


def of_one(hostile: Hostile) -> list[str]:
    """Pages about a user, a member, an organization."""
    one, org = f"/operator/organizations/{hostile.org.id}", hostile.org.id
    price_list, member = f"/operator/price-lists/{hostile.prices}", f"/settings/members/{hostile.member}"
    webhook, switch = f"/settings/webhooks/{hostile.webhook}", "/settings/switches/named/gateway"
    return [
        *(f"/users/{hostile.user}", f"/users/{hostile.user}/remove", member, f"{member}/remove"),
        *(webhook, f"{webhook}/deliveries", f"{webhook}/rotate", f"{webhook}/remove", switch, f"{switch}/remove"),
        *(f"/calls/story?id={quote(call, safe='')}" for call in (CALL, OWN_CALL)),
        *(one, f"{one}/change", f"{one}/limits", f"{one}/close", f"/operator/members/{hostile.owner}"),
        *(price_list, f"{price_list}/draft", f"{price_list}/import", f"{price_list}/compare"),
        *(f"/operator/corrections/new?organization={org}", f"/operator/providers/invoices/{org}/{hostile.invoice}"),
    ]


SEARCHED = [
    *(f"/users/list?q={TYPED}", f"/calls/live?who={TYPED}", f"/calls/search?q={TYPED}&from={TYPED}&to={TYPED}"),
    *(f"/rates?to={TYPED}&q={TYPED}", f"/settings/audit?kind={TYPED}&who={TYPED}", f"/billing/credits?tab={TYPED}"),
    *(f"/billing/credits/add?amount={TYPED}&pay={TYPED}", f"/reports/usage?range=custom&from={TYPED}&to={TYPED}"),
    *(f"/operator/organizations?q={TYPED}", f"/operator/audit?who={TYPED}", f"/me?said={TYPED}"),
    *(f"/operator/corrections/new?organization={TYPED}&kind={TYPED}", f"/billing/statement?month={TYPED}"),
    *(f"/sign-in?next={TYPED}", f"/password/forgot?email={TYPED}", f"/sign-in/again?next={TYPED}&by={TYPED}"),
    *(f"/{TYPED}", f"/help/{TYPED}", f"/users/{TYPED}", f"/operator/jobs?state={TYPED}", f"/invitation/{TYPED}"),
]


class Elements(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, page: Shown) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(page.html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        is_ours = tag != "script" or str(told.get("src", "")).startswith("/assets/")
        if not is_ours or tag == "img" or any(name.startswith("on") or name == "style" for name in told):
            self.wrong.append(f"{tag} {told}")
        leads = [str(told.get(name, "")) for name in ("href", "src", "action", "hx-get", "hx-post")]
        self.wrong += [one for one in leads if re.match(r"\s*(javascript|data|vbscript):", one, re.IGNORECASE)]
        self.wrong += [one for one in leads if tag != "a" and one and not re.match(r"/(?!/)", one)]


def found_in(page: Shown) -> list[str]:
    """Nothing, where all of it stayed text."""
    made = [text for text in (PRODUCT, "<b>bold</b>", "<script>alert") if text in page.html]
    return made + Elements(page).wrong


def readers(hostile: Hostile) -> tuple[Reader, Reader]:
    return hostile.administrator(), hostile.operator()


def pages(hostile: Hostile, paths: list[str]) -> list[tuple[str, Shown]]:
    admin, owner = readers(hostile)
    return [(path, (owner if path.startswith("/operator") else admin).get(path)) for path in paths]


def test_what_is_stored_is_shown_as_text_on_every_page(hostile: Hostile) -> None:
    shown = pages(hostile, [*LISTS, *of_one(hostile)])
    # Some lists lead on to another, and a story needs to be named.
    failed = [(path, page.status) for path, page in shown if page.status not in (200, 303) and path != "/calls/story"]
    assert failed == []
    assert [(path, wrong) for path, page in shown if page.html and (wrong := found_in(page))] == []
    naming = [path for path, page in shown if "onerror=alert(1)" in page.html]
    assert len(naming) > 60, "there would be nothing to see"


def test_stars_in_a_name_make_nothing_bold(hostile: Hostile) -> None:
    add = "/billing/credits/add"
    step = hostile.administrator().submit(add, add, amount="60", pay=f"agreement:{TEXT}")
    assert f"on agreement {TEXT}" in " ".join(step.words.split())
    owner, entered = hostile.operator(), f"/operator/organizations/{hostile.org.id}"
    assert owner.submit(entered, f"{entered}/enter").status == 303
    page = owner.get("/billing/credits")
    assert "You look into" in page.words
    assert [found_in(step), found_in(page)] == [[], []]


def test_what_stands_in_an_address_is_shown_as_text(hostile: Hostile) -> None:
    shown = pages(hostile, SEARCHED)
    assert [(path, page.status) for path, page in shown if page.status >= 500] == []
    assert [(path, wrong) for path, page in shown if (wrong := found_in(page))] == []


def test_what_a_form_refuses_stands_in_it_as_text(hostile: Hostile) -> None:
    paths, refused = [*LISTS, *of_one(hostile)], 0
    for reader, is_owner in zip(readers(hostile), (False, True), strict=True):
        mine = [path for path in paths if path.startswith("/operator") == is_owner]
        forms = [form for path in mine for form in reader.get(path).forms]
        for form in [form for form in forms if form.method == "post" and set(form.values) > {"token"}]:
            answer = reader.send(form.action, {**dict.fromkeys(form.values, TEXT), "token": form.values["token"]})
            assert answer.status < 500, (form.action, answer.words[:300])
            assert found_in(answer) == [], form.action
            refused += answer.status == 422
    assert refused > 20


def test_no_cell_of_a_file_begins_a_formula(hostile: Hostile) -> None:
    files = [(path, page) for path, page in pages(hostile, LISTS) if path.endswith(".csv")]
    assert len(files) >= 5
    for path, page in files:
        cells = [cell for line in csv.reader(StringIO(page.content.decode())) for cell in line]
        number = re.compile(r"[+-]?[0-9][0-9.*]*")
        assert [(path, cell) for cell in cells if cell[:1] in tuple("=+-@\t\r") and not number.fullmatch(cell)] == []
    assert sum(TEXT in page.content.decode().replace('""', '"') for _, page in files) >= 3


# ---------------------------------------------------------------- where links lead

AWAY = [
    *("//evil.example", "https://evil.example", "https:evil.example", "/\\evil.example", "\\\\evil.example"),
    *("/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "///evil.example"),
    *("/%5cevil.example\\", "javascript:alert(1)", "/\N{FULLWIDTH SOLIDUS}evil.example", "http:///evil.example"),
    *("%2f%2fevil.example", "/../\\evil.example", "data:text/html,<script>alert(1)</script>", "//evil.example/%2e%2e"),
]


def test_no_address_leads_to_a_page_of_somebody_else(portal: PortalWorld) -> None:
    portal.member(portal.world.organization(), "helpdesk")
    reader = portal.nobody()
    for wanted in AWAY:
        asked = f"?next={quote(wanted, safe='')}"
        assert reader.get(f"/language/en{asked}").to == "/", wanted
        page = reader.get(f"/sign-in{asked}")
        assert page.form("/sign-in").values["next"] == "/", wanted
        assert [link for link in page.links if not re.match(r"/(?!/)", link)] == [], wanted


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "https://evil.example"])
def test_whoever_signs_in_stays_here_whatever_the_form_says(portal: PortalWorld, wanted: str) -> None:
    portal.member(portal.world.organization(), "helpdesk")
    reader = portal.nobody()
    typed = {"email": "helpdesk@example.com", "password": PASSWORD, "next": wanted}
    for path in ("/sign-in", "/sign-in/again"):
        assert reader.send(path, {**reader.get(path).form(path).values, **typed}).to == "/"


def test_a_path_with_two_slashes_leads_nowhere_else(portal: PortalWorld) -> None:
    """Whoever is not signed in is sent back afterwards to what he asked for."""
    reader = portal.nobody()
    for path in ("//evil.example/", "//evil.example/..", "/%5c%5cevil.example", "/\\\\evil.example"):
        page = reader.get(path)
        assert page.status in (400, 404) or page.to.startswith("/sign-in?next=%2F"), path


def test_no_page_is_framed_or_reads_scripts_of_others(hostile: Hostile) -> None:
    for path, page in pages(hostile, [*LISTS, "/sign-in", "/nowhere"]):
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert page.headers["x-frame-options"] == "DENY", path
        assert page.headers["x-content-type-options"] == "nosniff", path
