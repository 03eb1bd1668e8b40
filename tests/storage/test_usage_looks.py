"""How the embedded database finds usage rows: nobody keeps statistics there, so the statement must lead it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from talktime.app import App, open_app
from talktime.reports import usage
from talktime.reports.usage import Wanted
from talktime.settings import Settings
from talktime.storage.database import ReadTx


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    opened = open_app(Settings(data=tmp_path))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("wanted", "before", "found_by"),
    [
        (Wanted(), None, "PRIMARY KEY (org_id=?)"),
        (Wanted(), "0", "PRIMARY KEY (org_id=? AND usage_id<?)"),
        (Wanted(begin=1, end=2), None, "PRIMARY KEY (org_id=? AND usage_id>? AND usage_id<?)"),
        (Wanted(call_id="a"), None, "INDEX usage_once (org_id=? AND call_id=? AND part=?)"),
    ],
)
def test_usage_is_found_by_an_index_and_comes_sorted(
    app: App, wanted: Wanted, before: str | None, found_by: str
) -> None:
    def look(tx: ReadTx) -> list[str]:
        sent: list[tuple[str, Any]] = []
        event.listen(tx, "before_cursor_execute", lambda _, cursor, text, values, *rest: sent.append((text, values)))
        usage.page(tx, 1, wanted, 5, before)
        text, values = sent[0]
        return [str(row[3]) for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]

    plan = app.database.read(1, look)
    assert plan[0] == f"SEARCH usage USING {found_by}"
    assert any("TEMP B-TREE" in line for line in plan) is (wanted.call_id is not None)
