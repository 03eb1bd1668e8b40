from tests.web.conftest import anywhere, empty_data, empty_postgres, postgres_world, world

__all__ = ["anywhere", "empty_data", "empty_postgres", "postgres_world", "world"]
