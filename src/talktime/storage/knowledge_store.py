"""What the operator knows better: licences and number rows of its own, over those that are shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import delete, insert, select, update

from talktime.core.catalogue import CATALOGUE, Catalogue
from talktime.core.knowledge import SHIPPED, Knowledge
from talktime.core.licence_cells import licence_of
from talktime.core.number_rows import NumberLine, number_line, with_lines
from talktime.storage import tables as t
from talktime.storage import upkeep_store
from talktime.storage.control_store import bump
from talktime.storage.database import ReadTx, Tx

KNOWLEDGE_REVISION = "knowledge"
BEHIND_SINCE = "pools_behind_since"

Cells = Mapping[str, str]
_decode = msgspec.json.Decoder(dict[str, str]).decode
lc, n, k = t.licence_catalogue.c, t.number_rows.c, t.control.c


def load(tx: ReadTx) -> Knowledge:
    lines = number_lines(tx)
    # Building the tables of numbers anew takes a millisecond.
    numbers = with_lines(SHIPPED.numbers, map(number_line, lines)) if lines else SHIPPED.numbers
    return Knowledge(catalogue(tx), numbers)


def catalogue(tx: ReadTx) -> Catalogue:
    return CATALOGUE.with_licences(map(licence_of, licence_lines(tx)))


def licence_lines(tx: ReadTx) -> Sequence[Cells]:
    """The operator's own."""
    return [_decode(cells) for cells in tx.scalars(select(lc.cells).order_by(lc.code))]


def number_lines(tx: ReadTx) -> Sequence[Cells]:
    return [_decode(cells) for cells in tx.scalars(select(n.cells).order_by(n.prefix, n.digits))]


def replace_licences(tx: Tx, lines: Sequence[Cells], at: int) -> None:
    tx.execute(delete(t.licence_catalogue))
    rows = [{"code": line["code"], "cells": _encoded(line), "created_at": at} for line in lines]
    if rows:
        tx.execute(insert(t.licence_catalogue), rows)
    bump(tx, KNOWLEDGE_REVISION)


def replace_numbers(tx: Tx, lines: Sequence[NumberLine], at: int) -> None:
    tx.execute(delete(t.number_rows))
    rows = [
        {"prefix": line.key, "digits": line.row.digits or 0 if line.row else 0, "cells": _encoded(line.cells)}
        for line in lines
    ]
    if rows:
        tx.execute(insert(t.number_rows), [row | {"created_at": at} for row in rows])
    bump(tx, KNOWLEDGE_REVISION)


def mark_behind(tx: Tx, at: int) -> None:
    """From now on pools are not as the licences say."""
    upkeep_store.put(tx, BEHIND_SINCE, at)


def behind_since(tx: ReadTx) -> int | None:
    return tx.scalar(select(k.value).where(k.name == BEHIND_SINCE)) or None


def caught_up(tx: Tx, since: int) -> None:
    """Unless they have fallen behind again."""
    tx.execute(update(t.control).where(k.name == BEHIND_SINCE, k.value == since).values(value=0))


def _encoded(cells: Cells) -> str:
    return msgspec.json.encode(cells).decode()
