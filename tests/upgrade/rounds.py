"""A rolling upgrade: today's program and the next one serve the same calls on one database, and nobody notices."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.crash.clients import Crowd, World
from tests.crash.judge import Finding, Wrong, ask_again, judge
from tests.support.server import Server, talktime
from tests.upgrade.programs import TODAY, next_program, running, server_of


@dataclass(slots=True)
class Figures:
    url: str
    before: int = 0
    migrating: int = 0
    beside: int = 0
    """Operations answered before the migration, while it was at work, and by both programs beside each other."""
    again: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0
    phases: int = 0
    """Calls that both columns tell of; the next program has written them."""
    findings: list[Finding] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.before} operations before, {self.migrating} during the migration, {self.beside} by both programs "
            f"beside each other: {len(self.again)} errors, {len(self.findings)} wrong; "
            f"slowest {self.slowest_seconds:.1f} s"
        )


def run(url: str, folder: Path, operations: int) -> Figures:
    """`operations` before, and as many with both programs; the old one is started anew in between."""
    figures, source = Figures(url), next_program(folder)
    with ExitStack() as ending:
        old = _started(ending, server_of(TODAY, url))
        crowd = Crowd(World.made(old.url, old.operator_key), [old.url], "upgrade")
        crowd.gate.open()
        crowd.wait_for_answers(operations)
        figures.before = crowd.answered
        _upgrade(source, old)
        figures.migrating = crowd.answered - figures.before
        # Programs start quicker while nobody calls; what they do is what counts here.
        crowd.gate.close()
        for program in (source, TODAY):
            crowd.join_server(_started(ending, server_of(program, url)).url)
        crowd.gate.open()
        crowd.wait_for_answers(operations)
        crowd.finish()
        figures.beside = crowd.answered - figures.before - figures.migrating
        figures.again, figures.slowest_seconds = crowd.again, crowd.slowest_seconds
        figures.findings = _findings(crowd, old, source)
    figures.phases = value(url, "SELECT count(*) FROM calls WHERE phase = state AND state <> 'open'")
    return figures


def _started(ending: ExitStack, server: Server) -> Server:
    ending.callback(server.remove)
    server.start()
    return server


def _upgrade(source: Path, old: Server) -> None:
    told = talktime("upgrade", "--json", *old.database, **running(source))
    assert told.returncode == 0, told.stderr
    assert [step["revision"] for step in json.loads(told.stdout)["steps"]] == ["9000"]


def _findings(crowd: Crowd, server: Server, source: Path) -> list[Finding]:
    found = judge(server.where, crowd.world, crowd.journals, at_rest=True)
    found += ask_again(server.url, crowd.world, crowd.calls, crowd.grants)
    for program in (TODAY, source):
        checked = talktime("verify", *server.database, **running(program))
        if checked.returncode:
            found.append(Finding(Wrong.BROKEN, checked.stdout + checked.stderr))
    return found


def value(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("SET app.orgs = '*'")
        row = connection.execute(query.encode()).fetchone()
    assert row
    return int(row[0])
