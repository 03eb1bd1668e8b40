"""A document as it is read: words and amounts of one language, in their places. PDF and page only set it."""

from __future__ import annotations

from msgspec import Struct


class Block(Struct, frozen=True):
    """Who: a heading, a name, and lines below it."""

    heading: str
    name: str
    lines: tuple[str, ...]


class Fact(Struct, frozen=True):
    name: str
    value: str


class Table(Struct, frozen=True):
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    """Parts of the width; a column of 0 takes what is left."""
    amounts: int
    """So many columns at the end are amounts."""


class Sheet(Struct, frozen=True, kw_only=True):
    language: str
    title: str
    subtitle: str
    sender: str
    """Who it is from, at the top."""
    blocks: tuple[Block, ...]
    facts: tuple[Fact, ...]
    table: Table
    sums: tuple[Fact, ...]
    """Below the table; the last is what it is about."""
    note: str
    page: str
    """With places for `page` and `pages`."""
