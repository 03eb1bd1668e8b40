"""Usage rows, as the engine would write them."""

from __future__ import annotations

from itertools import count
from typing import Any

from talktime.core.ids import org_number, uuid7
from talktime.core.usage import Usage
from talktime.storage import usage_store
from talktime.storage.database import Database

_numbers = count(1)
ORDINARY: dict[str, Any] = {
    "part": 0,
    "call_type": "user_out",
    "user_id": None,
    "user_location": "US",
    "caller": "+12025550101",
    "number": "+442079460123",
    "number_type": "Subscriber",
    "context": "international",
    "destination": "GB",
    "conference_id": "",
    "seconds": 75,
    "minutes": 2,
    "connection_fee": 0,
    "charge": 240_000,
    "charge_decimals": 4,
    "currency": "USD",
    "capability": "MCOPSTNPP",
    "payer": "credits",
    "entry_key": "",
}


def usage_row(org_id: int, at: int, **fields: Any) -> Usage:
    number = next(_numbers)
    values = ORDINARY | {"usage_id": uuid7(at, number << 40), "call_id": f"call-{number}"} | fields
    return Usage(org_id=org_id, started_at=at, **values)


def add_usage(database: Database, org: str, at: int, **fields: Any) -> Usage:
    """`org` as the API names it."""
    org_id = org_number(org)
    assert org_id
    row = usage_row(org_id, at, **fields)
    database.write(org_id, usage_store.add, [row])
    return row
