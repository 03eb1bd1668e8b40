"""What was counted lately, beside what Prometheus would say of it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from talktime import lately
from talktime.exposition import SERVER, Figures
from talktime.lately import Lately
from talktime.observability import JobEnd, Meters

MINUTE = 60.0
QUARTER = 15 * MINUTE


class Machine:
    """A server that looks once a minute, and a clock that is set."""

    def __init__(self, folder: Path) -> None:
        self.at = 0.0
        self.folder = folder
        self.meters = Meters()
        self.lately = Lately(self.meters.registry, folder, lambda: self.at)
        self.lately.look()

    def passes(self, minutes: int) -> None:
        for _ in range(minutes):
            self.at += MINUTE
            self.lately.look()

    def errs(self, then: int) -> None:
        """One error, and so many minutes."""
        self.meters.store_errors.inc()
        self.passes(then)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_conflict_is_told_for_a_quarter_of_an_hour(machine: Machine) -> None:
    machine.meters.conflicts.inc(2)
    assert machine.lately.past().conflicts == 2
    machine.passes(15)
    assert machine.lately.past().conflicts == 2
    machine.passes(1)
    assert machine.lately.past().conflicts == 0


def test_what_was_counted_before_the_first_look_is_of_another_time(tmp_path: Path) -> None:
    meters = Meters()
    meters.conflicts.inc()
    with Figures(meters.registry, tmp_path, SERVER) as figures:
        figures.file.rename(tmp_path / "server-1.prom")
    machine = Machine(tmp_path)
    assert machine.lately.past().conflicts == 0


def test_other_processes_of_the_machine_are_counted_and_one_that_begins_anew_takes_nothing_away(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for count in (5, 3):
        other = Meters()
        other.conflicts.inc(count)
        with Figures(other.registry, tmp_path, SERVER) as figures:
            figures.file.rename(tmp_path / "server-1.prom")
        machine.passes(1)
    assert machine.lately.past().conflicts == 8


def test_one_error_or_many_of_a_moment_do_not_go_on(machine: Machine) -> None:
    machine.passes(20)
    machine.meters.store_errors.inc(30)
    past = machine.lately.past()
    assert (past.errors, past.errors_go_on) == (30, False)
    for _ in range(20):
        machine.passes(1)
        assert not machine.lately.past().errors_go_on


def test_errors_of_one_minute_after_the_other_go_on(machine: Machine) -> None:
    machine.passes(20)
    machine.errs(then=1)
    machine.errs(then=1)
    assert machine.lately.past().errors_go_on
    machine.passes(1)
    assert not machine.lately.past().errors_go_on


def test_where_calls_are_rare_errors_of_one_five_minutes_after_the_other_go_on(machine: Machine) -> None:
    machine.passes(20)
    machine.errs(then=6)
    machine.errs(then=2)
    past = machine.lately.past()
    assert (past.errors, past.errors_go_on) == (1, True)


def test_answers_to_authorizations_of_the_last_minutes_are_counted_by_how_long_they_took(machine: Machine) -> None:
    machine.meters.answer_seconds.observe("authorize", 0.3)
    machine.passes(10)
    machine.meters.answer_seconds.observe("authorize", 0.002)
    machine.meters.answer_seconds.observe("settle", 0.9)
    answers = machine.lately.past().answers
    assert (answers[0.001], answers[0.002], answers[0.5], answers[float("inf")]) == (0, 1, 1, 1)


def test_work_that_fails_is_told_by_the_quarters_of_an_hour_in_which_it_did(machine: Machine) -> None:
    def fail(task: str) -> None:
        machine.meters.jobs.labels(task, JobEnd.FAILED).inc()

    for _ in range(3):
        fail("money")
        machine.meters.jobs.labels("money", JobEnd.DONE).inc()
        machine.passes(30)
    fail("due")
    fail("due")
    assert machine.lately.past().failures == {"money": 3, "due": 1}
    machine.passes(5 * 60)
    assert machine.lately.past().failures == {"money": 0, "due": 0}


def test_no_more_is_remembered_than_somebody_looks_back_on(machine: Machine) -> None:
    machine.passes(10 * 60)
    looks = machine.lately.past().looks
    assert looks[0][0] == machine.at - lately.QUARTERS * QUARTER
    assert len(looks) == lately.QUARTERS * 15 + 1


def test_a_server_looks_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lately, "LOOK_SECONDS", 0.01)
    meters = Meters()
    with Lately(meters.registry, tmp_path) as looking:
        until = time.monotonic() + 20
        while len(looking.past().looks) < 3:
            assert time.monotonic() < until
            time.sleep(0.01)


LOOKS_WHEN_READY = """
import os, signal, sys
from pathlib import Path
from talktime import server
from talktime.listening import bound
from talktime.settings import Settings
from talktime.supervisor import Stop

def ready(app):
    print(len(app.lately.past().looks))
    os.kill(os.getpid(), signal.SIGTERM)

with bound("127.0.0.1", 0) as listener:
    server._serve_alone(Settings(data=Path(sys.argv[1]), jobs=False), listener, ready, Stop())
"""


def test_each_server_has_looked_before_it_answers(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOOKS_WHEN_READY, str(tmp_path / "data")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert said.stdout == "1\n", said.stderr
