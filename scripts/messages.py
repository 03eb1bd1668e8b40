"""Keep the catalogues in step with what is said: new texts come in untranslated, those that nobody says go.

    python -m scripts.messages           # write src/talktime/languages/<language>/<domain>.po
    python -m scripts.messages --check   # say what is not in step, and end with 1

A text is `_("...")`, or `_n("...", "...", ...)` and `plural("...", "...", ...)` where it depends on a number: in code
and in templates. Which domain it belongs to is said by its package.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from talktime.core.languages import LANGUAGES
from talktime.languages.catalogues import SOURCE, path_of, read
from talktime.web.sentences import SENTENCES

PACKAGES = Path(__file__).parents[1] / "src" / "talktime"
DOMAINS: Mapping[str, str] = {
    "mail": "notifications",
    "documents": "documents",
    "portal": "portal",
    "sentences": "web",
}
"""The package that speaks in a domain."""
METHODS = [("**.py", "python"), ("**/templates/**", "jinja2.ext.babel_extract")]
KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "say": None, "_n": (1, 2), "plural": (1, 2)}
OF_REFUSALS: dict[str, tuple[int, ...] | None] = {"invalid": (2,)}
"""What is said about one field; the sentences of codes stand in a table, those of pages beside them in the code."""
WIDTH = 120


def said_in(domain: str) -> Catalog:
    """All texts of a domain, in the order of the source."""
    catalogue = Catalog(domain=domain)
    for text in _refusals() if domain == "sentences" else _texts(DOMAINS[domain], KEYWORDS):
        catalogue.add(text)
    return catalogue


def _texts(package: str, keywords: Mapping[str, Any]) -> Iterator[Any]:
    found = extract_from_dir(PACKAGES / package, METHODS, {"**": {"encoding": "utf-8"}}, keywords, ())
    yield from (text for _, _, text, _, _ in found)


def _refusals() -> Iterator[Any]:
    yield from SENTENCES.values()
    yield from _texts(DOMAINS["sentences"], KEYWORDS)
    for package in ("web", "portal"):
        yield from _texts(package, OF_REFUSALS)


def domains() -> Iterator[tuple[str, Catalog]]:
    """Those in which something is said."""
    for domain in DOMAINS:
        if len(said := said_in(domain)):
            yield domain, said


def translated() -> tuple[str, ...]:
    return tuple(language for language in LANGUAGES if language != SOURCE)


def updated(language: str, domain: str, said: Catalog) -> Catalog:
    """What there is of it is kept."""
    there = path_of(language, domain).exists()
    catalogue = read(language, domain) if there else Catalog(locale=language, domain=domain)
    catalogue.update(said, no_fuzzy_matching=True)
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """Without dates and line numbers: only what is said makes a difference."""
    file = io.BytesIO()
    header = ("Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Plural-Forms")
    about = dict(catalogue.mime_headers)
    lines = [f'"{name}: {about[name]}\\n"' for name in header]
    file.write("\n".join(['msgid ""', 'msgstr ""', *lines, "\n"]).encode())
    write_po(file, catalogue, width=WIDTH, no_location=True, omit_header=True, ignore_obsolete=True)
    return file.getvalue()


def main(check: bool) -> int:
    behind = 0
    for domain, said in domains():
        for language in translated():
            path, content = path_of(language, domain), written(updated(language, domain, said))
            if path.exists() and path.read_bytes() == content:
                continue
            behind += 1
            sys.stdout.write(f"{path.relative_to(PACKAGES)}\n")
            if not check:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
    return int(check and behind > 0)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
