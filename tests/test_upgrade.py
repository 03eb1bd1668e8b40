"""A new version beside an old one: what works with what, what is refused, and the way back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgres import Cluster
from tests.support.server import serving, talktime
from tests.upgrade.programs import TODAY, running, the_one_after
from tests.upgrade.rounds import run, value

pytestmark = pytest.mark.slow


def test_two_programs_serve_the_same_calls_during_an_upgrade(postgres: Cluster, tmp_path: Path) -> None:
    figures = run(postgres.fresh_database(), tmp_path, operations=60)
    print(figures)
    assert [str(finding) for finding in figures.findings] == []
    assert figures.again == []
    assert figures.beside >= 60
    assert figures.phases > 0

    # What the old program has written beside the new one is brought over before its column goes.
    after = running(the_one_after(tmp_path / "last"))
    done = talktime("upgrade", "--database", figures.url, "--data", tmp_path / "data", **after)
    assert done.returncode == 0, done.stderr
    assert value(figures.url, "SELECT count(*) FROM calls WHERE phase IS NULL") == 0


@pytest.mark.prove
def test_an_old_program_is_refused_by_what_it_cannot_serve_and_the_next_one_is_not(
    postgres: Cluster, tmp_path: Path
) -> None:
    """The schema of the version after the next: today's program is told to go, the next one may go on."""
    url = postgres.fresh_database()
    where, after = ("--database", url, "--data", str(tmp_path / "data")), the_one_after(tmp_path)
    assert talktime("upgrade", *where, **running(TODAY)).returncode == 0
    told = talktime("upgrade", "--plan", *where, **running(after))
    assert "9000: expand; programs from schema 0005 on work with it, in portions beside running servers" in told.stdout
    assert "9001: contract; programs from schema 9000 on work with it, in portions" in told.stdout
    assert "nothing to do" in talktime("upgrade", *where, **running(TODAY)).stdout

    done = talktime("upgrade", *where, **running(after))
    assert (done.returncode, "done: the database has schema 9001" in done.stdout) == (0, True), done.stderr
    for command in (("upgrade",), ("upgrade", "--plan"), ("serve", "--port", "0")):
        refused = talktime(*command, *where, **running(TODAY))
        assert (refused.returncode, "use the newer Talktime" in refused.stderr) == (3, True), refused
    told = talktime("upgrade", *where, **running(tmp_path / "next"))
    assert (told.returncode, "this program, of 9000, may serve it" in told.stdout) == (0, True), told.stderr


@pytest.mark.prove
def test_the_embedded_database_is_upgraded_while_no_server_has_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "the first start of the server makes it" in talktime("upgrade", "--data", data).stderr
    with serving(data):
        refused = talktime("upgrade", "--data", data)
        assert (refused.returncode, "stop it first" in refused.stderr) == (3, True)
    told = talktime("upgrade", "--data", data, **running(the_one_after(tmp_path)))
    assert (told.returncode, "done: the database has schema 9001" in told.stdout) == (0, True), told.stderr
