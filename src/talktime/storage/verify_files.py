"""Calls of files: an entry stands for many usage rows, and each of these names it."""

from __future__ import annotations

from sqlalchemy import BigInteger, cast, func, select

from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.verify_books import Tell

e, u = t.entries.c, t.usage.c
KEY = "file:"


def check_files(tx: ReadTx, org_id: int, tell: Tell) -> None:
    """An entry that moves no money stands for what nobody paid: no usage row names it."""
    entries = select(e.entry_key, -e.amount_micros).where(e.org_id == org_id, e.entry_key.startswith(KEY))
    charge = cast(func.sum(u.charge_micros), BigInteger)
    rows = select(u.entry_key, charge).where(u.org_id == org_id, u.entry_key.startswith(KEY)).group_by(u.entry_key)
    booked: dict[str, int] = dict(tx.execute(entries.where(e.amount_micros != 0)).all())
    reported: dict[str, int] = dict(tx.execute(rows).all())
    for key in sorted(booked.keys() | reported.keys()):
        taken, said = booked.get(key, 0), reported.get(key, 0)
        if taken != said:
            tell("I2", f"entry {key}: it took {taken}, the usage rows that name it say {said}")
