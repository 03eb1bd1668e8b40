"""The guide: the same in every language, in the words of the page, with links that lead somewhere."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser

import pytest
from babel.numbers import format_decimal

from talktime.core.calls import Refusal
from talktime.core.languages import LANGUAGES
from talktime.core.roles import ORGANIZATION_ROLES
from talktime.portal import guide
from tests.portal.guide_words import LABELS, PATHS, SAID, TITLES

PAGES = [(language, topic) for language in LANGUAGES for topic in guide.topics()]
on_each = pytest.mark.parametrize(("language", "topic"), PAGES)
in_each = pytest.mark.parametrize("language", LANGUAGES)

LISTS_AND_TABLES = ("ul", "ol", "li", "table", "tr", "th", "td")
ALLOWED = {*LISTS_AND_TABLES, "h2", "p", "a", "strong", "code", "span", "thead", "tbody"}
AMOUNT = {
    "en": re.compile(r"USD (\d[\d,.]*\d)"),
    **dict.fromkeys(set(LANGUAGES) - {"en"}, re.compile(r"(\d[\d.,\N{NO-BREAK SPACE}]*\d)\N{NO-BREAK SPACE}USD")),
}


class Reader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "href"]


@cache
def seen(language: str, topic: str) -> Reader:
    return read(guide.page(language, topic).html)


def read(html: str) -> Reader:
    reader = Reader()
    # Whatever is taken out of markup stays markup, and would escape what is added to it.
    reader.feed(str(html))
    reader.close()
    return reader


def amounts(language: str, topic: str) -> list[str]:
    text = seen(language, topic).text.replace("USD\N{NO-BREAK SPACE}", "USD ")
    return AMOUNT[language].findall(text)


def digits(amount: str) -> str:
    return re.sub(r"\D", "", amount)


# ---------------------------------------------------------------- the same in every language


def test_every_language_has_every_topic_and_nothing_else() -> None:
    files = {str(path.relative_to(guide.FOLDER)) for path in guide.FOLDER.rglob("*") if path.is_file()}
    assert files == {f"{language}/{topic}.md" for language, topic in PAGES}


@on_each
def test_a_translation_has_the_same_headings_in_the_same_order(language: str, topic: str) -> None:
    mine, source = guide.page(language, topic), guide.page("en", topic)
    assert [anchor for anchor, _ in mine.headings] == [anchor for anchor, _ in source.headings]
    assert all(text.strip() for _, text in mine.headings)


@on_each
def test_a_translation_has_the_same_paragraphs_lists_tables_and_links(language: str, topic: str) -> None:
    mine, source = seen(language, topic), seen("en", topic)
    assert [tag for tag in mine.tags if tag in ALLOWED - {"strong"}] == [
        tag for tag in source.tags if tag in ALLOWED - {"strong"}
    ]
    assert mine.tags.count("strong") == source.tags.count("strong")
    assert sorted(mine.links) == sorted(source.links)


@on_each
def test_a_translation_names_the_same_amounts(language: str, topic: str) -> None:
    assert sorted(map(digits, amounts(language, topic))) == sorted(map(digits, amounts("en", topic)))
    assert len(amounts(language, topic)) == seen(language, topic).text.count("USD")


@on_each
def test_amounts_are_written_as_the_language_writes_them(language: str, topic: str) -> None:
    for amount in amounts(language, topic):
        decimals = len(re.split(r"[.,]", amount)[-1])
        value = Decimal(digits(amount)).scaleb(-decimals)
        assert amount == format_decimal(value, "#,##0." + "0" * decimals, locale=language)


@on_each
def test_no_two_translations_are_the_same_text(language: str, topic: str) -> None:
    same = [other for other in LANGUAGES if seen(other, topic).text == seen(language, topic).text]
    assert same == [language]


def test_a_language_that_nobody_wrote_in_is_answered_in_english() -> None:
    assert guide.page("de", "credits") == guide.page("en", "credits")


@pytest.mark.parametrize("language", ["../en", "en/../bg", "", "."])
def test_a_language_never_leads_out_of_the_guide(language: str) -> None:
    assert guide.page(language, "credits") == guide.page("en", "credits")


@pytest.mark.parametrize("topic", ["nothing", "../guide", "", "credits.md"])
def test_a_topic_that_is_not_there_is_not_found(topic: str) -> None:
    with pytest.raises(LookupError):
        guide.page("en", topic)


# ---------------------------------------------------------------- what it says


@in_each
def test_every_reason_of_a_refused_call_is_explained(language: str) -> None:
    anchors = [anchor for anchor, _ in guide.page(language, "who-pays").headings]
    assert {*Refusal} <= {*anchors}
    assert anchors.index("refused") < min(anchors.index(reason) for reason in Refusal)


@in_each
def test_the_table_of_roles_has_those_that_there_are(language: str) -> None:
    lines = (guide.FOLDER / language / "roles.md").read_text().splitlines()
    rows = [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:]
    assert len(rows) == len(ORGANIZATION_ROLES)
    if language == "en":
        assert [row.lower().replace(" ", "_") for row in rows] == [*ORGANIZATION_ROLES]


@on_each
def test_every_link_leads_to_a_page_or_a_topic(language: str, topic: str) -> None:
    known = PATHS | {f"/help/{other}" for other in guide.topics()}
    assert {*seen(language, topic).links} <= known


@on_each
def test_an_anchor_stands_once_on_a_page(language: str, topic: str) -> None:
    anchors = [value for name, value in seen(language, topic).attributes if name == "id"]
    assert anchors == [anchor for anchor, _ in guide.page(language, topic).headings]
    assert len(anchors) == len(set(anchors))


@pytest.mark.parametrize(("language", "topic"), [pair for pair in PAGES if pair[1] in SAID])
def test_a_topic_uses_the_words_of_the_page(language: str, topic: str) -> None:
    text = f"{guide.page(language, topic).title}\n{seen(language, topic).text}".casefold()
    assert [name for name in SAID[topic] if LABELS[language][name].casefold() not in text] == []


@pytest.mark.parametrize(("language", "topic"), [pair for pair in PAGES if pair[1] in TITLES])
def test_a_topic_is_called_like_what_it_is_about(language: str, topic: str) -> None:
    assert guide.page(language, topic).title == LABELS[language][TITLES[topic]]


@in_each
def test_the_link_to_the_recharge_settings_is_at_the_bottom_everywhere(language: str) -> None:
    for topic in ("credits", "auto-recharge"):
        lines = (guide.FOLDER / language / f"{topic}.md").read_text().splitlines()
        line = next(line for line in lines if LABELS[language]["settings"] in line)
        assert _stem(LABELS[language]["bottom"]) in line.casefold()


def _stem(place: str) -> str:
    """Without the preposition, which changes with the sentence in Romanian."""
    return place.removeprefix("în ")


def test_in_romanian_the_trigger_is_no_target() -> None:
    assert [topic for topic in guide.topics() if "țintă" in seen("ro", topic).text] == []


# ---------------------------------------------------------------- how it becomes a page


@on_each
def test_a_page_is_plain_and_runs_nothing(language: str, topic: str) -> None:
    page = seen(language, topic)
    assert {*page.tags} <= ALLOWED
    assert {name for name, _ in page.attributes} <= {"id", "href", "class", "scope", "data-label"}


@on_each
def test_no_markup_is_left_over_in_the_text(language: str, topic: str) -> None:
    text = guide.page(language, topic).title + seen(language, topic).text
    assert re.findall(r"\*\*|\{#|\]\(|\||`|&\w+;", text) == []


def test_what_looks_like_html_is_text() -> None:
    page = guide.read("# A <b>title</b>\n\nOne & <script>alert(1)</script> `<i>`\n\n## <b>Two</b> {#two}\n")
    assert read(page.html).tags == ["p", "code", "h2"]
    assert read(page.html).text.strip() == "One & <script>alert(1)</script> <i>\n<b>Two</b>"
    assert page.title == "A <b>title</b>"
    assert page.headings == (("two", "<b>Two</b>"),)


def test_an_address_that_runs_something_is_no_link_and_no_picture_is_fetched() -> None:
    page = guide.read("# T\n\n[x](javascript:alert(1)) ![y](https://pictures.example.com/y.png)\n")
    assert "img" not in read(page.html).tags
    assert [link for link in read(page.html).links if link.startswith("javascript")] == []


def test_a_heading_without_an_anchor_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Two"):
        guide.read("# One\n\n## Two\n")


def test_each_cell_of_a_table_knows_its_column() -> None:
    page = guide.read('# T\n\n| Word | "Meaning" |\n|---|---|\n| **Lot** | Credit & more |\n')
    assert '<th scope="col">Word</th>' in page.html
    assert "<td><strong>Lot</strong></td>" in page.html
    assert '<td data-label="&quot;Meaning&quot;"><span>Credit &amp; more</span></td>' in page.html


def test_an_amount_stays_on_one_line_with_its_currency() -> None:
    assert "USD\N{NO-BREAK SPACE}5.41" in guide.page("en", "credits").html
    assert "10\N{NO-BREAK SPACE}000,00\N{NO-BREAK SPACE}USD" in guide.page("ru", "adding-funds").html
