"""What is logged is JSON, one line each, and holds no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from talktime.observability import masked, set_up_logging
from tests.support.logs import logging_undone

SECRETS = {
    "key tt_live_1-01a1-aB_c-9 was used": "key tt_live_*** was used",
    "tt_test_0-x": "tt_test_***",
    "Authorization: Bearer abc.def": "Authorization: Bearer ***",
    "postgresql://me:canary@host/db": "postgresql://me:***@host/db",
    "password=canary&x=1": "password=***&x=1",
    "token: canary, then": "token: ***, then",
    "nothing of that kind at https://example.com/a?b=c": "nothing of that kind at https://example.com/a?b=c",
}


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert masked(text) == SECRETS[text]


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    with logging_undone():
        yield


def test_a_line_is_json_and_masked_wherever_the_secret_stands(capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info")
    structlog.get_logger("talktime.test").info(
        "used", password="canary", deep={"a": ["tt_live_1-canary"]}, request_id="r1"
    )
    try:
        raise RuntimeError("postgresql://me:canary@host/db")
    except RuntimeError:
        logging.getLogger("library").exception("tt_live_1-canary failed")
    structlog.get_logger("talktime.test").debug("not shown")
    said = capfd.readouterr().err
    assert "canary" not in said
    first, second = map(json.loads, said.splitlines())
    assert (first["event"], first["level"], first["request_id"]) == ("used", "info", "r1")
    assert first["timestamp"].endswith("Z")
    assert second["logger"] == "library"
    assert "RuntimeError" in second["exception"]
