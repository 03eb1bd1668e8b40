"""What an expression of Prometheus is about: its figures, what their labels must be, and the labels it groups by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[a-zA-Z_:][\w:]*)|(?P<number>\d[\w.]*)|(?P<sign>=~|!~|!=|==|>=|<=|[^\s\w])"""
)
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
NO_FIGURES = {"and", "or", "unless", "offset", "bool", "inf", "nan"}
"""Words that stand where a figure might."""


class Chosen(NamedTuple):
    """A label with what it must be."""

    label: str
    sign: str
    value: str


class Figure(NamedTuple):
    name: str
    chosen: tuple[Chosen, ...]


class Used(NamedTuple):
    figures: list[Figure]
    grouped: list[str]


def used(expression: str) -> Used:
    """Of an expression that `promtool` has understood: what is no word, text, number or sign is not looked for."""
    words = tokens(expression)
    found = Used([], [])
    for at, word in enumerate(words):
        if word in GROUPING:
            found.grouped.extend(_labels(words[at + 1 :]))
        elif _is_figure(words, at):
            found.figures.append(Figure(word, tuple(_choices(words[at + 1 :]))))
    return found


def tokens(expression: str) -> list[str]:
    return [match[0] for match in TOKEN.finditer(expression)]


def _is_figure(words: list[str], at: int) -> bool:
    """A name that is neither a function, nor an aggregation, nor a label: those stand within brackets of their own."""
    word, following = words[at], (words[at + 1] if at + 1 < len(words) else "")
    is_name = word[0].isalpha() or word[0] in "_:"
    if not is_name or word.lower() in NO_FIGURES | GROUPING or following in {"(", *GROUPING}:
        return False
    in_brackets = _within(words, at, "{", "}") or _within(words, at, "[", "]")
    return not in_brackets and not _is_grouped(words, at)


def _within(words: list[str], at: int, opening: str, closing: str) -> bool:
    before = words[:at]
    return before.count(opening) > before.count(closing)


def _is_grouped(words: list[str], at: int) -> bool:
    """`by (instance, le)`: between the word and its bracket stand nothing but labels."""
    begun = next((one for one in range(at, -1, -1) if words[one] in "()"), -1)
    return begun > 0 and words[begun] == "(" and words[begun - 1] in GROUPING


def _labels(words: list[str]) -> Iterator[str]:
    """None where `group_left` stands alone."""
    if words[:1] == ["("]:
        yield from (word for word in words[1 : words.index(")")] if word != ",")


def _choices(words: list[str]) -> Iterator[Chosen]:
    if words[:1] == ["{"]:
        inside = [word for word in words[1 : words.index("}")] if word != ","]
        for label, sign, value in zip(inside[::3], inside[1::3], inside[2::3], strict=True):
            yield Chosen(label, sign, value[1:-1])
