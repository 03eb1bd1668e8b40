"""The product behind its door, as the tests of the API have it, and a database as those of storage do."""

from __future__ import annotations

from tests.storage.conftest import maker, shop
from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "maker", "postgres_world", "shop", "world"]
