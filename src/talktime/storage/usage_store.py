"""Usage rows: written with the charge of their call, never by people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import insert

from talktime.core.usage import Usage
from talktime.storage import tables as t
from talktime.storage.database import Tx

# In the order of the fields of Usage.
COLUMNS = (
    "org_id",
    "usage_id",
    "call_id",
    "part",
    "call_type",
    "user_id",
    "user_location",
    "caller",
    "number",
    "number_type",
    "context",
    "destination",
    "conference_id",
    "started_at",
    "seconds",
    "minutes",
    "fee_micros",
    "charge_micros",
    "charge_decimals",
    "currency",
    "capability",
    "payer",
    "entry_key",
)


def values(row: Usage) -> tuple[Any, ...]:
    return astuple(row)


def add(tx: Tx, rows: Sequence[Usage]) -> None:
    tx.execute(insert(t.usage), [dict(zip(COLUMNS, values(row), strict=True)) for row in rows])
