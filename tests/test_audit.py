"""The question about weak libraries, at an index of our own: what is told, and that silence is no good news."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.bill_of_materials import Pinned, united
from tests import audit
from tests.support.loopback import Answer, Loopback, Request

PARTS = [Pinned("example-one", "1.0", ()), Pinned("example-two", "2.1", ())]
KNOWN = {"id": "EXAMPLE-2026-1", "fixed_in": ["1.1"], "withdrawn": None, "aliases": [], "summary": "It breaks."}
PIP = ("PIP_INDEX_URL", "PIP_NO_INDEX", "PIP_CERT")


class Index(Loopback):
    """Answers for each library what it was given; for others that there are none."""

    def __init__(self, **said: object) -> None:
        super().__init__()
        self.said = said
        self.asked: list[str] = []

    def answer(self, request: Request) -> Answer:
        self.asked.append(request.path)
        name = request.path.split("/")[-3].replace("-", "_")
        found = name in self.said
        return Answer(200 if found else 404, {}, json.dumps(self.said.get(name)).encode())


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip is set here is nobody's business, and no proxy stands before this machine."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in PIP:
        monkeypatch.delenv(name, raising=False)


def told(index: Index) -> audit.Audit:
    return audit.audited(PARTS, f"{index.url}/root/simple/")


def test_a_known_weakness_is_named_with_the_version_that_mends_it() -> None:
    with Index(example_one={"vulnerabilities": [KNOWN]}, example_two={"vulnerabilities": []}) as index:
        done = told(index)
        assert index.asked == ["/root/pypi/example-one/1.0/json", "/root/pypi/example-two/2.1/json"]
    assert done.found == ["example-one 1.0: EXAMPLE-2026-1, mended in 1.1"]
    assert str(done) == "2 libraries asked about, 1 known weaknesses"


def test_what_was_taken_back_is_none() -> None:
    wrong = KNOWN | {"withdrawn": "2026-02-01T00:00:00Z"}
    with Index(example_one={"vulnerabilities": [wrong]}, example_two={"vulnerabilities": []}) as index:
        assert told(index).found == []


@pytest.mark.parametrize("said", [{}, {"info": {}}, {"vulnerabilities": None}, [], "no"])
def test_an_index_that_says_nothing_of_weaknesses_has_audited_nothing(said: object) -> None:
    with Index(example_one=said, example_two={"vulnerabilities": []}) as index:
        done = told(index)
    assert done.unanswered == ["example-one"]
    assert str(done).startswith("not audited: nothing was heard of 1 of 2 (example-one)")


def test_what_the_index_does_not_know_is_not_audited_and_what_it_does_know_is_told() -> None:
    with Index(example_one={"vulnerabilities": [KNOWN]}) as index:
        done = told(index)
    assert (len(done.found), done.unanswered) == (1, ["example-two"])
    assert str(done).startswith("not audited")


def test_an_index_that_is_not_there_is_asked_once() -> None:
    with Index() as index:
        pass
    with pytest.raises(audit.NotAsked, match="does not answer"):
        told(index)


def test_an_index_that_says_nothing_is_not_asked_for_every_library() -> None:
    many = [Pinned(f"example-{number}", "1.0", ()) for number in range(50)]
    with Index() as index, pytest.raises(audit.NotAsked, match="says nothing"):
        audit.audited(many, f"{index.url}/simple")
    assert len(index.asked) == audit.SILENT_MAX


def test_whatever_is_handed_out_is_asked_about() -> None:
    script = (audit.REQUIREMENTS.parent / "scripts" / "make_dist.sh").read_text()
    handed_out = re.findall(r"(\w+):requirements", script)
    assert {lock.stem for lock in audit.LOCKS} == set(handed_out) == {"runtime", "tracing"}


def test_what_two_locks_have_in_common_is_asked_about_once() -> None:
    names = [part.name for part in united(audit.LOCKS)]
    assert {"uvicorn", "opentelemetry-sdk", "protobuf"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.slow
def test_it_is_asked_where_pip_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.com/simple")
    assert audit.index() == "https://packages.example.com/simple"
    monkeypatch.setenv("PIP_CERT", "/example/authority.pem")
    assert audit.certificates() == "/example/authority.pem"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(audit.NotAsked, match="no index"):
        audit.index()


@pytest.mark.slow
def test_pip_knows_by_itself_whom_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert audit.index().startswith("https://")


@pytest.mark.slow
def test_the_program_says_that_nothing_was_audited_and_fails_over_a_weakness(tmp_path: Path) -> None:
    locks = [tmp_path / f"{one.name}.txt" for one in PARTS]
    for lock, one in zip(locks, PARTS, strict=True):
        lock.write_text(f"{one.name}=={one.version} \\\n    --hash=sha256:00\n")
    with Index(example_one={"vulnerabilities": [KNOWN]}, example_two={"vulnerabilities": []}) as index:
        bad = run(locks, index.url)
    gone = run(locks, index.url)
    assert (bad.returncode, bad.stdout.splitlines()[-1]) == (1, "2 libraries asked about, 1 known weaknesses")
    assert (gone.returncode, gone.stdout.startswith("not audited: ")) == (0, True)


def run(locks: Sequence[Path], index: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.audit", "--lock", *map(str, locks)]
    here = {"PIP_INDEX_URL": f"{index}/simple", "NO_PROXY": "127.0.0.1", "PIP_CONFIG_FILE": "/dev/null"}
    return subprocess.run(
        command, env=os.environ | here, capture_output=True, text=True, check=False, cwd=audit.REQUIREMENTS.parent
    )
