"""The guide to communication credits that administrators read under Help: a document for each topic and language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

FOLDER = Path(__file__).parent / "guide"
SOURCE = "en"
TOPICS = ("credits", "adding-funds", "auto-recharge", "payment-options", "who-pays", "roles", "words")

_ANCHORED = re.compile(r"(?P<text>.+?) *\{#(?P<anchor>[a-z][a-z0-9_-]*)\}")
_GAP_OF_AN_AMOUNT = re.compile(r"(?<=\d) (?=\d{3}\b|USD\b)|(?<=USD) (?=\d)")
_READER = MarkdownIt("commonmark", {"html": False}).enable("table")
# A guide shows no pictures, so nothing may ask another server for one.
_READER.disable("image")


@dataclass(frozen=True, slots=True)
class Guide:
    title: str
    html: Markup
    """Without the title, which is the page's own heading."""
    headings: tuple[tuple[str, str], ...]
    """Anchor and text of each, in their order."""


def topics() -> tuple[str, ...]:
    """In the order in which they are best read."""
    return TOPICS


def page(language: str, topic: str) -> Guide:
    """In English where nobody has written it in this language yet. LookupError: there is no such topic."""
    if topic not in TOPICS:
        raise LookupError(topic)
    path = FOLDER / language / f"{topic}.md"
    # A language may come from an address, and no address leads out of the folder.
    is_written = language.isalpha() and path.is_file()
    return _read_once(path if is_written else FOLDER / SOURCE / path.name)


@cache
def _read_once(path: Path) -> Guide:
    return read(path.read_text("utf-8"))


def read(text: str) -> Guide:
    """What a document says, with all that is no markup escaped."""
    tokens = _READER.parse(text)
    title, body = _words(tokens[1]), tokens[3:]
    headings = tuple(_anchored(body))
    _label_cells(body)
    _hold_amounts_together(body)
    return Guide(title, Markup(_READER.renderer.render(body, _READER.options, {})), headings)


def _words(token: Token) -> str:
    """Its words alone."""
    return "".join(part.content for part in token.children or ())


def _anchored(body: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """Takes `{#anchor}` from the words of a heading and makes it the heading's id."""
    for opening, inline in pairwise(body):
        if opening.type != "heading_open":
            continue
        last = (inline.children or [inline])[-1]
        found = _ANCHORED.fullmatch(last.content)
        if found is None:
            raise ValueError(f"the heading '{inline.content}' has no anchor")
        last.content = found["text"]
        opening.attrSet("id", found["anchor"])
        yield found["anchor"], _words(inline)


def _label_cells(body: Sequence[Token]) -> None:
    """Each cell knows its column: on a phone, where a row becomes a small card, its label stands beside it."""
    columns: list[str] = []
    column = 0
    for token, inside in pairwise(body):
        match token.type:
            case "table_open":
                token.attrSet("class", "table")
                columns = []
            case "tr_open":
                column = 0
            case "th_open":
                token.attrSet("scope", "col")
                columns.append(_words(inside))
            case "td_open":
                if column:
                    token.attrSet("data-label", columns[column])
                    # So that it is one thing beside its label, whatever stands in it.
                    span = Token("span_open", "span", 1), Token("span_close", "span", -1)
                    inside.children = [span[0], *(inside.children or ()), span[1]]
                column += 1


def _hold_amounts_together(body: Sequence[Token]) -> None:
    for token in body:
        for part in token.children or ():
            part.content = _GAP_OF_AN_AMOUNT.sub("\N{NO-BREAK SPACE}", part.content)
