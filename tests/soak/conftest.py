"""A database as the tests of storage have it."""

from __future__ import annotations

from tests.storage.conftest import maker, shop, sqlite_shop

__all__ = ["maker", "shop", "sqlite_shop"]
