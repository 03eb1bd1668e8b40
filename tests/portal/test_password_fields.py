"""Where passwords are typed they are hidden, may be pasted and are known to whatever keeps them."""

from __future__ import annotations

import re
from pathlib import Path

from talktime.portal import rendering

TEMPLATES = Path(rendering.TEMPLATES)
FIELDS = [
    (path.name, line)
    for path in sorted(TEMPLATES.rglob("*.html"))
    for line in re.findall(r"ui\.field\([^\n]*", path.read_text())
    if re.search(r'ui\.field\("(password|again|current)"', line)
]


def test_there_are_fields_to_look_at() -> None:
    assert {name for name, _ in FIELDS} >= {"sign-in.html", "me.html", "again.html", "new-password.html"}


def test_every_password_is_hidden_and_known_to_managers() -> None:
    wrong = [(name, line) for name, line in FIELDS if 'kind="password"' not in line or "autocomplete=" not in line]
    assert wrong == []
    assert [line for _, line in FIELDS if "one-time-code" in line or 'autocomplete="off"' in line] == []


def test_nothing_keeps_anybody_from_pasting() -> None:
    pages = [path.read_text() for path in [*TEMPLATES.rglob("*.html"), *(TEMPLATES.parent / "static").glob("t*.js")]]
    assert [page for page in pages if "onpaste" in page or '"paste"' in page] == []
