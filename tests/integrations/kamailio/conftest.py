"""All cases are tests of their own, and most of them wait most of the time: so they are played at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from tests.sip.lab import Lab, opened
from tests.support.server import serving, talktime

HERE = Path(__file__).parent
AT_ONCE = 12
HOUSES_MORE = 10
"""Most cases take one; some take two."""


@pytest.fixture(scope="package")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("sip")
    with serving(folder / "data") as server:
        with opened(folder, server, HOUSES_MORE + sum(map(_is_case, request.session.items))) as made:
            yield made
        verified = talktime("verify", *server.database)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture(scope="package")
def stage(lab: Lab) -> Iterator[Stage]:
    made = Stage(lab)
    yield made
    made.close()


class Stage:
    """The first case that is asked for begins them all."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._threads = ThreadPoolExecutor(AT_ONCE)
        self._turn = Lock()
        self._played: dict[str, Future[None]] = {}

    def play(self, cases: list[pytest.Function]) -> None:
        for case in cases:
            if case.nodeid not in self._played:
                self._played[case.nodeid] = self._threads.submit(self._play, case)

    def _play(self, case: pytest.Function) -> None:
        with self._turn:
            # Not all in the same moment: they are to look at the switch, not at how full the machine can be.
            self._lab.breathe()
        case.obj(**self._arguments(case))

    def result(self, case: pytest.Function) -> None:
        self._played[case.nodeid].result()

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _arguments(self, case: pytest.Function) -> dict[str, Any]:
        given = case.callspec.params if hasattr(case, "callspec") else {}
        return {
            name: self._lab if name == "lab" else given[name] for name in case.fixturenames if name in ("lab", *given)
        }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and _is_case(item):
            item.fixturenames.append("stage")


def _is_case(item: pytest.Item) -> bool:
    """The hooks of this folder are shown the tests of others, too."""
    if not isinstance(item, pytest.Function) or HERE not in item.path.parents:
        return False
    return "lab" in item.fixturenames and item.get_closest_marker("alone") is None


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not _is_case(pyfuncitem):
        return None
    stage = pyfuncitem.funcargs["stage"]
    assert isinstance(stage, Stage)
    stage.play([item for item in pyfuncitem.session.items if isinstance(item, pytest.Function) and _is_case(item)])
    stage.result(pyfuncitem)
    return True
