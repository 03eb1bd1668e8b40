"""Fresh machines, and the picture of a Debian that they begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.packages.machine import Machine, fresh_machine, make_image


@pytest.fixture(scope="session")
def images() -> Iterator[Path]:
    # Not a folder of pytest's, which would keep gigabytes.
    with TemporaryDirectory(prefix="talktime-machine-") as folder:
        make_image(Path(folder))
        yield Path(folder)


@pytest.fixture
def machine(images: Path) -> Iterator[Machine]:
    with TemporaryDirectory(prefix="talktime-machine-") as own, fresh_machine(images, Path(own)) as machine:
        yield machine
