"""What others wrote is served as they published it, with its licence."""

from __future__ import annotations

import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

STATIC = Path(str(files("talktime.portal") / "static"))
ROW = re.compile(r"\| `([^`]+)` \| [^|]+ \| [^|]+, `([^`]+)` \| `([0-9a-f]{64})` \|")
VENDORED = ROW.findall((STATIC / "VENDORED.md").read_text())


@pytest.mark.parametrize(("name", "licence", "digest"), VENDORED)
def test_a_vendored_file_is_the_published_one_and_its_licence_stands_beside_it(
    name: str, licence: str, digest: str
) -> None:
    assert sha256((STATIC / name).read_bytes()).hexdigest() == digest
    assert "Copyright" in (STATIC / licence).read_text() or "Permission" in (STATIC / licence).read_text()


def test_nothing_else_is_vendored() -> None:
    ours = {"tokens.css", "components.css", "portal.css", "talktime.js", "charts.js"}
    assert {path.name for path in STATIC.iterdir() if path.suffix in (".css", ".js")} - ours == {
        name for name, _, _ in VENDORED
    }


def test_our_script_stays_small() -> None:
    assert (STATIC / "talktime.js").stat().st_size < 6_000


@pytest.mark.parametrize("name", ["talktime.js", "charts.js"])
def test_our_scripts_turn_no_text_into_code_or_markup(name: str) -> None:
    script = (STATIC / name).read_text()
    assert [word for word in ("eval(", "Function(", "innerHTML", "insertAdjacentHTML") if word in script] == []
