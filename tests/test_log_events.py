"""What the program says into its log is listed, word for word, and nothing else is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "operating" / "log-events.md"
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}


def said() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "src" / "talktime").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _is_log(node.func):
                assert isinstance(node.func, ast.Attribute)
                event = node.args[0]
                assert isinstance(event, ast.Constant), f"{path.name}: an event is a text that can be searched"
                yield str(event.value), LEVELS[node.func.attr]


def _is_log(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return function.value.id == "log" and function.attr in LEVELS


def test_each_event_is_listed_with_its_level() -> None:
    listed = set(re.findall(r"^\| `(.+)` \| (\w+) \|", GUIDE.read_text(), re.MULTILINE))
    assert len(listed) > 30
    assert listed == set(said())
