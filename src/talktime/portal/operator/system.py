"""The installation itself: which version, how large, and whether it is as it should be."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import NamedTuple

from talktime.alarms import URGENT, alarms
from talktime.core.scopes import OPERATOR_ORG
from talktime.core.switches import SILENT_AFTER
from talktime.core.time import SECOND
from talktime.exposition import seen
from talktime.portal.operator.health import health_of
from talktime.portal.operator.ours import everywhere, organizations_of
from talktime.portal.operator.words import scheduled_name
from talktime.portal.pages import Answer, Screen
from talktime.portal.visit import Visit
from talktime.reports import installation


class Process(NamedTuple):
    """The one that answers; others of the same installation say the same of themselves."""

    number: int
    since: int
    memory: int
    decisions: dict[str, int]
    failed: int
    """Requests of switches that nobody decided."""


def get_system(visit: Visit) -> Answer:
    silent = everywhere(visit, installation.silent_switches, visit.now - SILENT_AFTER)
    failing = visit.app.database.read(OPERATOR_ORG, installation.failing)
    queues = everywhere(visit, installation.queues, visit.now)
    health = health_of(visit, silent, failing, queues)
    values = {
        "version": version("talktime"),
        "python": platform.python_version(),
        "figures": everywhere(visit, installation.figures),
        "health": health,
        "alarms": alarms(health, visit.now),
        "urgent": URGENT,
        "queues": queues,
        "failing": failing,
        "failing_names": [scheduled_name(visit, one) for one in health.failing],
        "providers": sorted(visit.app.till.providers),
        "letters": _letters(visit),
        "processes": [(one.kind, one.number, int(one.at * SECOND)) for one in seen(visit.app.settings.figures)],
        "kept": visit.app.settings.kept,
        "silent": silent,
        "organizations": organizations_of(visit, [one.org_id for one in silent]),
        "process": _process(visit),
        "workers": visit.app.settings.workers,
        "address": visit.app.settings.reached_at,
        "has_mail_server": bool(visit.app.settings.smtp_url),
    }
    return Screen("operator/system.html", values)


def _letters(visit: Visit) -> int:
    """Mails that became files, where there is no mail server."""
    return sum(1 for _ in visit.app.settings.outbox.glob("*.eml"))


def _process(visit: Visit) -> Process:
    registry = visit.app.meters.registry
    value = registry.get_sample_value
    since = int((value("process_start_time_seconds") or 0) * SECOND)
    counted = {
        sample.labels["outcome"]: int(sample.value)
        for family in registry.collect()
        if family.name == "talktime_decisions"
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    failed = int(value("talktime_store_errors_total") or 0)
    return Process(os.getpid(), since, int(value("process_resident_memory_bytes") or 0), counted, failed)
