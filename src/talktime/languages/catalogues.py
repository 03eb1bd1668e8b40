"""What we say, in six languages: gettext catalogues, a file for each language and domain.

    _ = translator("ru", "mail")
    _("Your balance is low")

English is the source, so it has no catalogue. `python -m scripts.messages` keeps the files in step with what is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from gettext import c2py
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

SOURCE = "en"
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Translator:
    """Answers what was asked for where nothing else is known: a test sees to it that everything is."""

    language: str
    known: dict[str, tuple[str, ...]]
    """By the English text: one text, or one for each plural form."""
    form_of: Callable[[int], int]

    def __call__(self, text: str, **values: object) -> str:
        return _filled(self.known.get(text, (text,))[0], values)

    def plural(self, one: str, many: str, count: int, **values: object) -> str:
        forms = self.known.get(one)
        text = forms[self.form_of(count)] if forms else one if count == 1 else many
        return _filled(text, {"count": count, **values})


@cache
def translator(language: str, domain: str) -> Translator:
    if language == SOURCE:
        return Translator(language, {}, lambda count: int(count != 1))
    if not path_of(language, domain).exists():
        return Translator(language, {}, catalogue_plural(language))
    catalogue = read(language, domain)
    known = {_key(message.id): _texts(message.string) for message in catalogue if message.id and message.string}
    return Translator(language, known, catalogue_plural(language))


def read(language: str, domain: str) -> Catalog:
    with path_of(language, domain).open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def path_of(language: str, domain: str) -> Path:
    return FOLDER / language / f"{domain}.po"


def catalogue_plural(language: str) -> Callable[[int], int]:
    return c2py(get_plural(language).plural_expr)


Texts = str | tuple[str, ...] | list[str]
"""One, or one for each plural form."""


def _key(text: Texts) -> str:
    return text if isinstance(text, str) else text[0]


def _texts(text: Texts) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _filled(text: str, values: dict[str, object]) -> str:
    return text.format(**values) if values else text
