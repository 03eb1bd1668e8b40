"""Price lists: heads, and versions that never change once they are published."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from talktime.core.prices import PriceList, Prices, Row
from talktime.storage import tables as t
from talktime.storage.database import ReadTx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Row]).decode


def packed(rows: Sequence[Row]) -> bytes:
    return zlib.compress(_encode(rows), level=1)


def unpacked(raw: bytes) -> list[Row]:
    return _decode(zlib.decompress(raw))


def published(tx: ReadTx) -> Prices:
    """All of them, old versions too: a call record is rated by the list of its time."""
    v = t.price_versions.c
    found = select(v.list_id, v.published_at, v.charge_decimals, v.rows).where(v.published_at.is_not(None))
    versions = tx.execute(found.order_by(v.list_id, v.version)).all()
    heads = tx.execute(select(t.price_lists.c.currency, t.price_lists.c.list_id).where(t.price_lists.c.is_default))
    return Prices(
        [(list_id, at, PriceList(decimals, unpacked(raw))) for list_id, at, decimals, raw in versions],
        {currency: list_id for currency, list_id in heads},
    )
