"""Catalogues: everything that is said has words in every language, with the same gaps to be filled."""

from __future__ import annotations

from functools import cache
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

from scripts import messages
from talktime.core.languages import LANGUAGES
from talktime.languages import catalogues
from talktime.languages.catalogues import SOURCE, catalogue_plural, path_of, read, translator

PAIRS = [(language, domain) for domain, _ in messages.domains() for language in messages.translated()]
on_each = pytest.mark.parametrize(("language", "domain"), PAIRS)


@cache
def said(language: str, domain: str) -> list[Message]:
    return [message for message in read(language, domain) if message.id]


@cache
def said_at_all(domain: str) -> Catalog:
    return messages.said_in(domain)


def texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def key(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_there_are_catalogues_to_look_at() -> None:
    assert {language for language, _ in PAIRS} == {*LANGUAGES} - {SOURCE}
    assert {domain for _, domain in PAIRS} <= {*messages.DOMAINS}
    assert ("ru", "mail") in PAIRS


def test_every_file_belongs_to_a_domain_in_which_something_is_said() -> None:
    files = {(path.parent.name, path.stem) for path in catalogues.FOLDER.glob("*/*.po")}
    assert files == {*PAIRS}


@on_each
def test_nothing_is_missing_and_nothing_is_left_over(language: str, domain: str) -> None:
    wanted = {key(message) for message in said_at_all(domain) if message.id}
    assert wanted == {key(message) for message in said(language, domain)}
    assert read(language, domain).obsolete == {}


@on_each
def test_everything_is_translated_and_nobody_doubts_it(language: str, domain: str) -> None:
    assert [key(message) for message in said(language, domain) if message.fuzzy or not all(texts(message))] == []


@on_each
def test_a_translation_has_the_gaps_of_its_source(language: str, domain: str) -> None:
    wrong = [
        key(one)
        for one in said(language, domain)
        for form, text in enumerate(texts(one))
        if gaps(text) not in gaps_wanted(language, one, form)
    ]
    assert wrong == []


def gaps_wanted(language: str, message: Message, form: int) -> list[set[str]]:
    """Of one alone the number may be left out, as the source leaves it out; not in a form that is also for 21."""
    if isinstance(message.id, str):
        return [gaps(message.id)]
    return [gaps(message.id[1]), *([gaps(message.id[0])] if is_for_one_alone(language, form) else [])]


@cache
def is_for_one_alone(language: str, form: int) -> bool:
    form_of = catalogue_plural(language)
    return [number for number in range(1, 200) if form_of(number) == form] == [1]


def test_a_number_may_be_left_out_of_one_alone_and_nowhere_else() -> None:
    lots = Message(("The lot", "All {count} lots"), ("", ""))
    assert gaps_wanted("bg", lots, 0) == [{"count"}, set()]
    assert gaps_wanted("ru", lots, 0) == gaps_wanted("bg", lots, 1) == [{"count"}]


@on_each
def test_a_sentence_ends_as_its_source_does(language: str, domain: str) -> None:
    ends = (".", ":", "?", "!")
    wrong = [
        text
        for one in said(language, domain)
        for text in texts(one)
        if (key(one)[-1] in ends or text[-1] in ends) and key(one)[-1] != text[-1]
    ]
    assert wrong == []


@on_each
def test_there_is_a_text_for_each_plural_form(language: str, domain: str) -> None:
    catalogue = read(language, domain)
    plurals = [message for message in catalogue if message.id and message.pluralizable]
    assert [key(one) for one in plurals if len(texts(one)) != catalogue.num_plurals] == []


@on_each
def test_the_file_is_written_as_the_script_writes_it(language: str, domain: str) -> None:
    catalogue = messages.updated(language, domain, said_at_all(domain))
    assert path_of(language, domain).read_bytes() == messages.written(catalogue), "run python -m scripts.messages"


@pytest.mark.parametrize(
    ("language", "counts"),
    [
        ("en", {1: 0, 0: 1, 2: 1}),
        ("bg", {1: 0, 0: 1, 2: 1}),
        ("ru", {1: 0, 21: 0, 2: 1, 5: 2, 11: 2, 0: 2}),
        ("lv", {1: 0, 21: 0, 2: 1, 11: 1, 0: 2}),
        ("ro", {1: 0, 2: 1, 0: 1, 19: 1, 20: 2, 101: 1}),
        ("sl", {1: 0, 101: 0, 2: 1, 3: 2, 4: 2, 5: 3, 0: 3}),
    ],
)
def test_the_plural_forms_are_those_of_the_language(language: str, counts: dict[int, int]) -> None:
    form_of = translator(language, "mail").form_of
    assert {count: int(form_of(count)) for count in counts} == counts


def test_what_nobody_has_translated_is_said_in_english() -> None:
    assert translator("ru", "mail")("Nobody says {this}.", this="that") == "Nobody says that."
    assert translator("ru", "mail").plural("one", "{count} many", 5) == "5 many"
