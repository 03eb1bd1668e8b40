"""A letter about an event: its words are in `templates/<event>.txt`, a sentence a line, in the source language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter

from jinja2 import Environment, FileSystemLoader, Template
from msgspec import Struct

from talktime.core.languages import LANGUAGES
from talktime.languages.catalogues import SOURCE, Translator, translator
from talktime.notifications.facts import LABELS, Reader, facts_of, one_line
from talktime.notifications.mail import Letter

TEMPLATES = Path(__file__).parent / "templates"
DOMAIN = "mail"
PERSONAL = frozenset({"invitation", "password_reset", "sso_link"})
"""To one person alone."""
OTHER = "other"
"""The words for an event that has none of its own."""


class About(Struct, frozen=True, kw_only=True):
    """An event, and whose."""

    event: str
    organization: str
    time_zone: str
    details: Mapping[str, str]
    is_test: bool = False
    """Of an organization that only tries things out."""


class Written(Struct, frozen=True, kw_only=True):
    """Before it has the form of a mail."""

    subject: str
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    action: str
    link: str


def letter(
    letter_id: str, recipients: tuple[str, ...], language: str, about: About, public_url: str, at: int
) -> Letter:
    language = language if language in LANGUAGES else SOURCE
    words = _Words(translator(language, DOMAIN), Reader(language, about.time_zone, one_line(about.organization)), about)
    written = words.write(public_url)
    shown = {"written": written, "language": language, "organization": one_line(about.organization), "_": words.say}
    shown |= {"is_test": about.is_test, "is_personal": about.event in PERSONAL}
    return Letter(
        letter_id=letter_id,
        recipients=recipients,
        language=language,
        subject=written.subject,
        text=_environment(False).get_template("layout.txt").render(shown),
        html=_environment(True).get_template("layout.html").render(shown),
        at=at,
    )


class _Words:
    def __init__(self, say: Translator, reader: Reader, about: About) -> None:
        self._translated, self._about = say, about
        self._facts = facts_of(about.details, reader, say)
        plain = {name: one_line(value) for name, value in about.details.items()}
        self._values = plain | self._facts | {"organization": reader.organization, "event": about.event}

    def write(self, public_url: str) -> Written:
        template = _template_of(self._about.event)
        context = template.new_context({**self._values, "_": self.say, "_n": self.count})
        block = {name: "".join(lines(context)) for name, lines in template.blocks.items()}
        return Written(
            subject=f"{block['subject'].strip()} \N{EN DASH} {self._values['organization']}",
            paragraphs=tuple(_paragraphs(block["body"])),
            facts=tuple((self._translated(LABELS[name]), value) for name, value in self._facts.items()),
            action=block["action"].strip(),
            link=_link(self._values.get("link", ""), public_url),
        )

    def say(self, text: str) -> str:
        """Filled with what is known; a sentence that needs something else is left out."""
        names = [name for _, name, _, _ in Formatter().parse(text) if name]
        if not all(self._values.get(name) for name in names):
            return ""
        return self._translated(text, **{name: self._values[name] for name in names})

    def count(self, one: str, many: str, name: str) -> str:
        number = self._values.get(name, "")
        if not (number.isascii() and number.isdigit()):
            return ""
        return self._translated.plural(one, many, int(number), organization=self._values["organization"])


def _paragraphs(body: str) -> Iterator[str]:
    for paragraph in body.split("\n\n"):
        if sentences := [line.strip() for line in paragraph.splitlines() if line.strip()]:
            yield " ".join(sentences)


def _link(link: str, public_url: str) -> str:
    return link if link.startswith(("https://", "http://")) else public_url


@cache
def _environment(autoescape: bool) -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=autoescape, trim_blocks=True, lstrip_blocks=True, auto_reload=False)


@cache
def _template_of(event: str) -> Template:
    there = (TEMPLATES / f"{event}.txt").exists() and event.replace("_", "").isalnum()
    return _environment(False).get_template(f"{event if there else OTHER}.txt")
