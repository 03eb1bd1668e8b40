from tests.charging.conftest import books, empty, postgres_books, sqlite_books

__all__ = ["books", "empty", "postgres_books", "sqlite_books"]
