"""The example environment file: every setting with what it is, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields

from talktime.cli.shipped import SHIPPED
from talktime.settings import Settings, load

EXAMPLE = (SHIPPED / "settings" / "talktime.env").read_text()
SET = re.compile(r"^#(TALKTIME_[A-Z_]+)=(.*)$", re.MULTILINE)


def test_every_setting_is_in_it_once_and_none_other() -> None:
    assert sorted(name for name, _ in SET.findall(EXAMPLE)) == sorted(f"TALKTIME_{one.upper()}" for one in names())


def test_nothing_is_set_before_somebody_does() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []


def test_every_setting_is_explained_in_the_line_above() -> None:
    lines = EXAMPLE.splitlines()
    above = [lines[number - 1] for number, line in enumerate(lines) if SET.match(line)]
    # A port goes with its host, and so on: one explanation may serve the next lines as well.
    assert [line for line in above if not line.startswith(("# ", "#TALKTIME_"))] == []


def test_all_of_it_can_be_taken_as_it_stands() -> None:
    load({}, dict(SET.findall(EXAMPLE)))


def test_numbers_and_choices_are_those_without_it() -> None:
    plain = Settings()
    decided = {one.name for one in fields(Settings) if str(one.type) in ("int", "bool")}
    taken = load({}, {name: value for name, value in SET.findall(EXAMPLE) if name[9:].lower() in decided})
    assert {name: getattr(taken, name) for name in decided} == {name: getattr(plain, name) for name in decided}


def names() -> list[str]:
    return [one.name for one in fields(Settings)]
