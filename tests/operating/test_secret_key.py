"""The guide to the secret key: what each step leaves in the settings, whoever does it, whenever, and however often."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operating.guides import FOLDER, commands_in
from tests.operating.machine import Machine
from tests.operating.services import settings_in

EVERYBODY_READS, THE_NEW_ONE_WRITES, _ = [block.text for block in commands_in(FOLDER / "secret-key.md")]


class Settings:
    def __init__(self, folder: Path, *lines: str) -> None:
        self._machine = Machine(folder)
        self._machine.install(lines)
        self._file = folder / "etc/talktime/talktime.env"

    def after(self, step: str) -> list[str]:
        """The keys, when it was done in a shell of its own; nothing is started again."""
        self._machine.follow(["".join(line for line in step.splitlines(True) if "systemctl" not in line)])
        return settings_in(self._file)["TALKTIME_SECRET_KEY"].split(",")

    @property
    def others(self) -> list[str]:
        return [line for line in self._file.read_text().splitlines() if "SECRET_KEY" not in line]


@pytest.mark.parametrize("old", [["OLD="], ["OLD=", "OLDER="]])
@pytest.mark.parametrize("in_the_folder", [False, True])
def test_each_step_may_be_done_in_a_shell_of_its_own_and_again(
    tmp_path: Path, old: list[str], in_the_folder: bool
) -> None:
    given = [] if in_the_folder else [f"TALKTIME_SECRET_KEY={','.join(old)}"]
    settings = Settings(tmp_path, "# Mine.", *given, "TALKTIME_JOBS=no")
    (tmp_path / "var/lib/talktime/secret.key").write_text("\n".join(old))
    first = settings.after(EVERYBODY_READS)
    (new,) = first[len(old) : -len(old)]
    assert first == [*old, new, *old] and len(new) == 44
    assert settings.after(EVERYBODY_READS) == first
    assert [settings.after(THE_NEW_ONE_WRITES) for _ in range(2)] == [[new, *old]] * 2
    assert settings.others == ["# Mine.", "TALKTIME_JOBS=no"]
    assert (tmp_path / "etc/talktime/talktime.env").stat().st_mode & 0o777 == 0o600


def test_a_machine_that_was_not_prepared_keeps_its_key(tmp_path: Path) -> None:
    """The second step before the first, or in an empty file: nothing is written over."""
    assert Settings(tmp_path, "TALKTIME_SECRET_KEY=OLD=").after(THE_NEW_ONE_WRITES) == ["OLD="]
