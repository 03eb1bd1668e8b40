from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from tests.charging.books import Books, Empty
from tests.core.switch import lot
from tests.support.postgres import Cluster


@pytest.fixture(scope="session")
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Empty]:
    """The server is started by the first test that needs it."""
    folder = tmp_path_factory.mktemp("empty")
    with closing(Empty(folder, lambda: cast(Cluster, request.getfixturevalue("postgres")))) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, empty: Empty, tmp_path: Path) -> Iterator[Books]:
    with empty.books_on(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def sqlite_books(empty: Empty, tmp_path: Path) -> Iterator[Books]:
    with empty.books_on("sqlite", tmp_path) as made:
        yield made


@pytest.fixture
def postgres_books(empty: Empty, tmp_path: Path) -> Iterator[Books]:
    with empty.books_on("postgresql", tmp_path) as made:
        yield made


@pytest.fixture
def shop(books: Books) -> Books:
    """One organization with ten dollars."""
    books.organization(lot("lot1", "10"))
    return books
