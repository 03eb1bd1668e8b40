"""What the product says when something is not done, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from talktime.languages.catalogues import SOURCE, translator
from talktime.web.sentences import SENTENCES

DOMAIN = "sentences"


def told(language: str, code: str, detail: str = "", values: Mapping[str, object] | None = None) -> str:
    """What is said about one field alone may stand in no catalogue: then the sentence of its code is said."""
    if language == SOURCE:
        return detail or plain(language, code, values)
    say = translator(language, DOMAIN)
    return say.known[detail][0] if detail in say.known else plain(language, code, values)


def plain(language: str, code: str, values: Mapping[str, object] | None = None) -> str:
    words = SENTENCES.get(code, SENTENCES["invalid"])
    try:
        return translator(language, DOMAIN)(words).format_map(dict(values or {}))
    except KeyError:
        # Told again from what was kept, whose values are not known any more.
        return translator(language, DOMAIN)(SENTENCES["not_accepted"])
