"""`talktime upgrade`, as an operator or a script uses it."""

from __future__ import annotations

import json
from pathlib import Path

from talktime.storage.schema import NEWEST
from tests.cli.inside import inside
from tests.upgrade.big_table import as_the_next
from tests.upgrade.programs import next_program


def test_what_would_be_done_is_said_then_done_and_the_old_program_goes_on(tmp_path: Path) -> None:
    data = ("--data", tmp_path / "data")
    assert inside("keys", "create", "--operator", *data).returncode == 0
    assert f"nothing to do: the database has schema {NEWEST}" in inside("upgrade", *data).stdout
    with as_the_next(next_program(tmp_path)):
        plan = json.loads(inside("upgrade", "--plan", "--json", *data).stdout)
        assert (plan["schema"], plan["newest"], plan["done"]) == (NEWEST, "9000", False)
        step = {"revision": "9000", "kind": "expand", "oldest_program": NEWEST, "in_portions": True}
        assert plan["steps"] == [step]
        assert "nothing was changed" in inside("upgrade", "--plan", *data).stdout
        told = inside("upgrade", *data).stdout
        assert f"9000: expand; programs from schema {NEWEST} on work with it, in portions" in told
        assert "done: the database has schema 9000" in told
    for plan_only in ((), ("--plan",)):
        told = inside("upgrade", *plan_only, *data).stdout
        assert f"the database has schema 9000; this program, of {NEWEST}, may serve it" in told
    assert inside("verify", *data).returncode == 0


def test_where_there_is_nothing_there_is_nothing_to_upgrade(tmp_path: Path) -> None:
    told = inside("upgrade", "--data", tmp_path / "data")
    assert (told.returncode, "the first start of the server makes it" in told.stderr) == (3, True)
