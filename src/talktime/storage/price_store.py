"""Price lists: heads, and versions that never change once they are published."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import delete, insert, select, update

from talktime.core.prices import PriceList, Prices, Row
from talktime.storage import tables as t
from talktime.storage.control_store import bump
from talktime.storage.database import ReadTx, Tx
from talktime.storage.store import PRICES_REVISION

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Row]).decode


def packed(rows: Sequence[Row]) -> bytes:
    return zlib.compress(_encode(rows), level=1)


def unpacked(raw: bytes) -> list[Row]:
    return _decode(zlib.decompress(raw))


Known = dict[tuple[str, int], PriceList]
"""Versions by list and number, as they were read before: they never change."""


def published(tx: ReadTx, known: Known) -> Prices:
    """All of them, old versions too: a call record is rated by the list of its time."""
    v = t.price_versions.c
    found = select(v.list_id, v.version, v.published_at).where(v.published_at.is_not(None))
    versions = tx.execute(found.order_by(v.list_id, v.version)).all()
    for list_id, version, _ in versions:
        if (list_id, version) not in known:
            known[list_id, version] = _content(tx, list_id, version)
    heads = tx.execute(select(t.price_lists.c.currency, t.price_lists.c.list_id).where(t.price_lists.c.is_default))
    return Prices(
        [(list_id, at, known[list_id, version]) for list_id, version, at in versions],
        {row.currency: row.list_id for row in heads},
    )


def _content(tx: ReadTx, list_id: str, version: int) -> PriceList:
    v = t.price_versions.c
    found = select(v.charge_decimals, v.rows).where(v.list_id == list_id, v.version == version)
    decimals, raw = tx.execute(found).one()
    return PriceList(decimals, unpacked(raw))


class Head(Struct, frozen=True):
    list_id: str
    name: str
    currency: str
    charge_decimals: int
    is_default: bool
    created_at: int


class Version(Struct, frozen=True):
    """What is known of a version without its rows."""

    list_id: str
    version: int
    charge_decimals: int
    published_at: int | None
    row_count: int
    created_at: int


h, v = t.price_lists.c, t.price_versions.c
_HEAD = [t.price_lists.c[name] for name in Head.__struct_fields__]
_VERSION = [t.price_versions.c[name] for name in Version.__struct_fields__]


def find(tx: ReadTx, list_id: str) -> Head | None:
    row = tx.execute(select(*_HEAD).where(h.list_id == list_id)).first()
    return Head(*row) if row else None


def default_of(tx: ReadTx, currency: str) -> str | None:
    return tx.scalar(select(h.list_id).where(h.currency == currency, h.is_default))


def add(tx: Tx, head: Head) -> None:
    tx.execute(insert(t.price_lists), {name: getattr(head, name) for name in head.__struct_fields__})


def rename(tx: Tx, list_id: str, name: str) -> None:
    tx.execute(update(t.price_lists).where(h.list_id == list_id).values(name=name))


def make_default(tx: Tx, head: Head) -> None:
    """Instead of the one before: a currency has one."""
    old = (h.currency == head.currency, h.is_default)
    tx.execute(update(t.price_lists).where(*old).values(is_default=False))
    tx.execute(update(t.price_lists).where(h.list_id == head.list_id).values(is_default=True))
    bump(tx, PRICES_REVISION)


def no_default(tx: Tx, list_id: str) -> None:
    tx.execute(update(t.price_lists).where(h.list_id == list_id).values(is_default=False))
    bump(tx, PRICES_REVISION)


def versions(tx: ReadTx, list_ids: Sequence[str]) -> Sequence[Version]:
    """In the order in which they were made."""
    query = select(*_VERSION).where(v.list_id.in_(list_ids)).order_by(v.list_id, v.version)
    return [Version(*row) for row in tx.execute(query)]


def rows_of(tx: ReadTx, list_id: str, version: int) -> list[Row]:
    return unpacked(tx.execute(select(v.rows).where(v.list_id == list_id, v.version == version)).scalar_one())


def replace_draft(tx: Tx, made: Version, rows: bytes) -> None:
    """A list has one draft at most; its rows are packed."""
    tx.execute(delete(t.price_versions).where(v.list_id == made.list_id, v.published_at.is_(None)))
    values = {name: getattr(made, name) for name in made.__struct_fields__}
    tx.execute(insert(t.price_versions), values | {"rows": rows})


def publish(tx: Tx, draft: Version, at: int) -> None:
    published = update(t.price_versions).where(v.list_id == draft.list_id, v.version == draft.version)
    tx.execute(published.values(published_at=at))
    tx.execute(update(t.price_lists).where(h.list_id == draft.list_id).values(charge_decimals=draft.charge_decimals))
    bump(tx, PRICES_REVISION)
