from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.charging.books import Books, Template
from tests.support.postgres import Cluster


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The server is started by the first test that needs it."""
    return Template(tmp_path_factory.mktemp("template"), lambda: cast(Cluster, request.getfixturevalue("postgres")))


@pytest.fixture(params=["sqlite", "postgresql"])
def books(request: pytest.FixtureRequest, template: Template, tmp_path: Path) -> Iterator[Books]:
    with template.books_on(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def sqlite_books(template: Template, tmp_path: Path) -> Iterator[Books]:
    with template.books_on("sqlite", tmp_path) as made:
        yield made


@pytest.fixture
def postgres_books(template: Template, tmp_path: Path) -> Iterator[Books]:
    with template.books_on("postgresql", tmp_path) as made:
        yield made
