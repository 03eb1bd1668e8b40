"""Administrators know these things by certain words, in each language: exactly those stand on the pages."""

from __future__ import annotations

import csv
import re
from html import unescape
from pathlib import Path

import pytest

from talktime.core.languages import LANGUAGES
from talktime.languages.catalogues import read
from talktime.portal.account.ways import SIGN_IN
from tests.portal.client import PortalWorld, Reader, Shown
from tests.web.money import Payer

CREDITS, RECHARGE = "/billing/credits", "/billing/credits/recharge"
PRODUCTS, OPTIONS = "/billing/products", "/billing/payment-options"
FILE = Path(__file__).with_name("labels.csv")


def read_labels() -> dict[str, dict[str, str]]:
    """By language. As a heading or label a term begins with a capital letter."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["locale"]: {name: text[:1].upper() + text[1:] for name, text in row.items()} for row in rows}


LABELS = read_labels()
in_each_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def payer(portal: PortalWorld) -> Payer:
    payer = Payer(portal.world)
    payer.card()
    payer.pay("100")
    return payer


def inside(page: Shown, tag: str) -> list[str]:
    """What stands in each of these elements."""
    found = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page.html, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in found]


def links(page: Shown, path: str) -> list[str]:
    found = re.findall(rf'<a\b[^>]*href="{path}"[^>]*>(.*?)</a>', page.html, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in found]


def test_there_are_labels_for_every_language() -> None:
    assert set(LABELS) == set(LANGUAGES)
    assert all(text for labels in LABELS.values() for text in labels.values())


@in_each_language
def test_the_credits_page_has_the_exact_labels(portal: PortalWorld, payer: Payer, language: str) -> None:
    page, of = admin(portal, payer, language).get(CREDITS), LABELS[language]
    assert page.title == of["product_name"]
    headings = inside(page, "h2")
    assert headings.index(of["consumption"]) < headings.index(of["billing"])
    assert inside(page, "h3").count(of["auto_recharge"]) == 1
    assert inside(page, "h3").count(of["payment_options"]) == 1
    assert of["balance"] in inside(page, "dt")
    assert of["add_more_funds"] in links(page, f"{CREDITS}/add")
    # The first door to the panel, and the one near the bottom.
    assert links(page, RECHARGE) == [of["modify_recharge_settings"], of["auto_recharge_settings"]]


@in_each_language
def test_the_menu_has_the_exact_labels(portal: PortalWorld, payer: Payer, language: str) -> None:
    page, of = admin(portal, payer, language).get(PRODUCTS), LABELS[language]
    assert of["billing"] in links(page, PRODUCTS)
    assert of["products_and_services"] in links(page, PRODUCTS)
    assert of["payment_options"] in links(page, OPTIONS)
    assert page.title == of["products_and_services"]
    assert of["product_name"] in links(page, CREDITS)


@in_each_language
def test_the_recharge_panel_has_the_exact_labels(portal: PortalWorld, payer: Payer, language: str) -> None:
    page, of = admin(portal, payer, language).get(RECHARGE), LABELS[language]
    assert of["auto_recharge_settings"] in inside(page, "h1")
    labels = inside(page, "label")
    assert labels.index(of["recharge_amount"]) < labels.index(of["when_the_balance_falls_below"])
    assert any(label.startswith(of["auto_recharge"]) for label in labels)
    assert of["save_changes"] in inside(page, "button")


@in_each_language
def test_the_options_page_has_the_exact_label(portal: PortalWorld, payer: Payer, language: str) -> None:
    assert admin(portal, payer, language).get(OPTIONS).title == LABELS[language]["payment_options"]


def admin(portal: PortalWorld, payer: Payer, language: str) -> Reader:
    return portal.as_role(payer.org, "global_administrator", language)


@pytest.mark.parametrize(("language", "wrong"), [("ro", "țint"), ("sl", "na vrhu"), ("sl", "pri vrhu")])
def test_what_others_translated_wrongly_is_said_nowhere(language: str, wrong: str) -> None:
    """A trigger is no target, and the link near the bottom is not at the top."""
    said = [str(message.string) for domain in ("portal", "sentences", "mail") for message in read(language, domain)]
    assert [text for text in said if wrong in text.lower()] == []


# ---------------------------------------------------------------- which language a reader gets


def language_of(page: Shown) -> str:
    found = re.search(r'<html lang="([^"]+)"', page.html)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        *((f"{one}-{one.upper()},en;q=0.5", one) for one in LANGUAGES),
        ("de-DE,fr;q=0.9,lv;q=0.3,ru;q=0.2", "lv"),
        ("sl;q=0.1, RO;q=0.7", "ro"),
        ("ru;q=0, bg;q=0.1", "bg"),
        ("de,*;q=0.5", "en"),
        ("", "en"),
        (";;q=,,=", "en"),
        ("ru;q=much", "en"),
    ],
)
def test_a_stranger_gets_what_the_browser_asks_for(portal: PortalWorld, accepted: str, language: str) -> None:
    assert language_of(portal.nobody(accepted).get(SIGN_IN)) == language


def test_what_was_chosen_in_the_browser_counts_before_everything_else(portal: PortalWorld, payer: Payer) -> None:
    member = portal.member(payer.org, "helpdesk", language="ru")
    stranger, reader = portal.nobody("bg"), portal.signed_in(payer.org, member, "bg")
    assert (language_of(stranger.get(SIGN_IN)), language_of(reader.get("/me"))) == ("bg", "ru")
    for one in (stranger, reader):
        one.get("/language/sl?next=/")
    assert (language_of(stranger.get(SIGN_IN)), language_of(reader.get("/me"))) == ("sl", "sl")


def test_a_language_that_nobody_speaks_is_as_none(portal: PortalWorld) -> None:
    reader = portal.nobody("lv")
    reader.cookies["talktime_language"] = "xx"
    assert language_of(reader.get(SIGN_IN)) == "lv"


def test_who_is_invited_gets_the_language_of_the_organization(portal: PortalWorld) -> None:
    org = portal.world.organization(language="lv")
    reader = portal.as_role(org, "global_administrator", "en")
    assert reader.get("/settings/members/invite").form("/settings/members/invite").values["language"] == "lv"


@in_each_language
def test_a_page_in_one_language_has_the_formats_of_it(portal: PortalWorld, payer: Payer, language: str) -> None:
    page = admin(portal, payer, language).get(CREDITS)
    assert language_of(page) == language
    assert "USD" in page.words
    assert ("100.00" in page.words) == (language == "en")
    assert ("100,00" in page.words) == (language != "en")
