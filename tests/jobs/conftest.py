"""The product behind its door, as the tests of the API have it."""

from __future__ import annotations

from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "postgres_world", "world"]
