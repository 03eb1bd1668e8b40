"""The example that receivers are given checks our signatures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from talktime.core.notices import EVENTS
from talktime.notifications.signatures import new_secret, signed_headers

DOCUMENT = Path(__file__).parents[2] / "docs" / "notices.md"
NOW = 1_900_000_000
BODY = b'{"type":"balance_low"}'


def example() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["is_genuine"]


def test_the_example_knows_what_is_genuine() -> None:
    is_genuine, secret, old = example(), new_secret(), new_secret()
    headers = signed_headers([secret, old], "del_1", NOW, BODY)
    assert is_genuine(secret, headers, BODY, NOW)
    assert is_genuine(old, headers, BODY, NOW + 299)
    assert not is_genuine(secret, headers, BODY, NOW + 301)
    assert not is_genuine(secret, headers, BODY)
    assert not is_genuine(secret, headers, BODY + b" ", NOW)
    assert not is_genuine(secret, headers | {"webhook-id": "del_2"}, BODY, NOW)
    assert not is_genuine(new_secret(), headers, BODY, NOW)


def test_the_document_names_every_event() -> None:
    text = DOCUMENT.read_text()
    assert [event for event in EVENTS if f"`{event}`" not in text] == []
