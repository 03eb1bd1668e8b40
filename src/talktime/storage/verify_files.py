"""Calls of files: an entry stands for many usage rows, which name it; and the minutes that pools have paid."""

from __future__ import annotations

from sqlalchemy import BigInteger, cast, func, select

from talktime.core.usage import Payer
from talktime.storage import tables as t
from talktime.storage.database import ReadTx
from talktime.storage.verify_books import Tell

e, m, u = t.entries.c, t.pool_months.c, t.usage.c
KEY = "file:"


def check_files(tx: ReadTx, org_id: int, tell: Tell) -> None:
    _check_entries(tx, org_id, tell)
    _check_minutes(tx, org_id, tell)


def _check_entries(tx: ReadTx, org_id: int, tell: Tell) -> None:
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


def _check_minutes(tx: ReadTx, org_id: int, tell: Tell) -> None:
    """By licence, with which the id of a pool begins."""
    paid = select(u.capability, cast(func.sum(u.minutes), BigInteger))
    paid = paid.where(u.org_id == org_id, u.payer == Payer.POOL.value).group_by(u.capability)
    reported: dict[str, int] = dict(tx.execute(paid).all())
    used: dict[str, int] = {}
    for pool_id, minutes in tx.execute(select(m.pool_id, m.first_used + m.second_used).where(m.org_id == org_id)):
        licence = pool_id.partition("/")[0]
        used[licence] = used.get(licence, 0) + minutes
    for licence in sorted(used.keys() | reported.keys()):
        if used.get(licence, 0) != reported.get(licence, 0):
            told = f"{used.get(licence, 0)} minutes were used, the usage rows say {reported.get(licence, 0)}"
            tell("I2", f"pools of {licence}: {told}")
