"""The data folder and who has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from talktime.storage.folder import FolderInUse, claimed


def test_what_is_made_while_it_is_claimed_is_its_owners_alone(tmp_path: Path) -> None:
    with claimed(tmp_path / "data"):
        (tmp_path / "data" / "mine").touch()
    assert (tmp_path / "data" / "mine").stat().st_mode & 0o777 == 0o600


def test_afterwards_files_are_made_as_before(tmp_path: Path) -> None:
    (tmp_path / "before").touch()
    with claimed(tmp_path / "data"):
        pass
    (tmp_path / "after").touch()
    assert (tmp_path / "after").stat().st_mode == (tmp_path / "before").stat().st_mode


def test_only_one_has_it_and_whoever_comes_after_him(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(FolderInUse), claimed(tmp_path):
        raise AssertionError("two at once")
    with claimed(tmp_path):
        pass
