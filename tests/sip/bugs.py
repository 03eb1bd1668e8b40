"""Faults planted into the configuration, to see whether the cases notice them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

PLANTED = "SIP_LAB_BUG"
"""In the environment: the name of one."""


class Bug(NamedTuple):
    file: str
    right: str
    wrong: str
    caught_by: str
    """A case."""


BUGS = {
    "messages move the end": Bug(
        "modules.cfg",
        '"timeout_noreset", 1',
        '"timeout_noreset", 0',
        "test_messages_in_a_call_do_not_move_its_end",
    ),
    "no decision is a yes": Bug(
        "asking.cfg",
        '$var(decision) != "granted"',
        '$var(decision) == "refused"',
        "test_without_a_decision_there_is_no_call[mute]",
    ),
    "what was not answered is not released": Bug(
        "running.cfg",
        'mq_add("reports", "release", "$var(form)");',
        "return;",
        "test_a_busy_callee_costs_nothing",
    ),
    "what must end goes on": Bug(
        "watching.cfg",
        "route(HANG_UP);",
        "$var(calls) = 0;",
        "test_a_switch_that_can_be_told_cuts_at_once[block]",
    ),
    "a leg is not looked at": Bug(
        "incoming.cfg",
        "$shtinc(legs=>$avp(leg)) > 1",
        "$shtinc(legs=>$avp(leg)) > 9",
        "test_a_call_id_cannot_be_used_by_two_calls_at_once",
    ),
    "a report is sent once": Bug(
        "reports.cfg",
        'mq_add("again",',
        'mq_add("nowhere",',
        "test_reports_are_repeated_until_they_are_taken",
    ),
}


def plant(folder: Path) -> None:
    """The one that the environment names, if it names one."""
    bug = BUGS.get(os.environ.get(PLANTED, ""))
    if bug:
        file = folder / bug.file
        text = file.read_text()
        assert bug.right in text, f"{bug.file} has no {bug.right} any more"
        file.write_text(text.replace(bug.right, bug.wrong))
