"""A key asks as often as the installation allows, and whose limit it is nobody else feels."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.core.scopes import Caller, Scope
from talktime.settings import Settings
from talktime.web import limits
from talktime.web.limits import Limiter
from talktime.web.problems import Problem
from tests.web.client import World
from tests.web.conftest import opened

MOST = 3


@pytest.fixture
def limited(empty_data: Path, tmp_path: Path) -> Iterator[World]:
    shutil.copytree(empty_data, tmp_path / "limited")
    with opened(Settings(data=tmp_path / "limited", rate_limit=MOST)) as world:
        yield world


def test_who_asks_too_often_is_told_to_wait_and_nobody_else_is(limited: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "monotonic", lambda: 100.0)
    one, other = limited.organization().key("funds"), limited.organization().key("funds")
    answers = [one.get("/v1/balance") for _ in range(MOST + 1)]
    assert [answer.status for answer in answers] == [200] * MOST + [429]
    assert (answers[-1].code, answers[-1].headers["retry-after"]) == ("rate_limited", "1")
    assert other.get("/v1/balance").status == 200


def test_what_was_used_up_comes_back_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(limits, "monotonic", lambda: now[0])
    limiter, caller = Limiter(MOST), Caller(1, "key_1", frozenset({Scope.REPORTS}))
    for _ in range(MOST):
        limiter.admit(caller)
    with pytest.raises(Problem, match="rate_limited"):
        limiter.admit(caller)
    now[0] += 1 / MOST + 0.01
    limiter.admit(caller)


def test_the_operator_and_whoever_sets_no_limit_wait_for_nobody() -> None:
    for limiter, org_id in ((Limiter(1), 0), (Limiter(0), 1)):
        for _ in range(5):
            limiter.admit(Caller(org_id, "key_1", frozenset()))
