"""Installations that know nothing of each other give organizations different numbers, so that each may move."""

from __future__ import annotations

from talktime.core.ids import CELL_BITS, cell_begin
from talktime.storage import control_store
from talktime.storage.database import Database, Tx

NEXT = "next_org"


class CannotNumber(Exception):
    """The message says why."""


def number(database: Database, cell: int) -> None:
    database.write((), _number, cell)


def _number(tx: Tx, cell: int) -> None:
    begin, last = cell << CELL_BITS, control_store.value(tx, NEXT)
    if cell_begin(last) > begin:
        raise CannotNumber(f"this installation is cell {last >> CELL_BITS}: numbers are never given twice")
    if cell_begin(last) < begin:
        control_store.pass_by(tx, NEXT, begin, 0)
