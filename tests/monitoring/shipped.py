"""The expressions that are shipped, as Prometheus gets them: of the alerts, and of the panels of the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from talktime.cli.shipped import SHIPPED

MONITORING = SHIPPED / "monitoring"
ALERTS = MONITORING / "talktime-alerts.yml"
DASHBOARD = MONITORING / "talktime-dashboard.json"
FILLED_IN = {"$instance": ".*", "$__rate_interval": "1m", "$__interval": "1m", "$__range": "6h"}
"""What Grafana writes before it asks."""


class Asked(NamedTuple):
    where: str
    expression: str
    shown: tuple[str, ...]
    """Labels that a legend or a sentence names."""


def rules() -> dict[str, str]:
    """Each alert with all that stands under it."""
    parts = ALERTS.read_text().split("- alert: ")[1:]
    return {part.split("\n", 1)[0].strip(): part.split("\n", 1)[1] for part in parts}


def of_alerts() -> Iterator[Asked]:
    for name, rule in rules().items():
        yield Asked(name, condition(rule), tuple(re.findall(r"\$labels\.(\w+)", rule)))


def condition(rule: str) -> str:
    """On one line; comments stand before it."""
    text = rule.split("expr:", 1)[1].split("labels:")[0].split("for:")[0]
    return " ".join(text.removeprefix(" >-").split())


def of_panels() -> Iterator[Asked]:
    for panel in panels():
        for target in panel["targets"]:
            shown = re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"])
            yield Asked(panel["title"], _filled_in(target["expr"]), tuple(shown))


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def of_variables() -> Iterator[tuple[str, str]]:
    """The figure and the label whose values a menu of the dashboard lists."""
    for one in json.loads(DASHBOARD.read_text())["templating"]["list"]:
        if one["type"] == "query":
            figure, label = one["query"].removeprefix("label_values(").removesuffix(")").split(", ")
            yield figure, label


def _filled_in(expression: str) -> str:
    for name, value in FILLED_IN.items():
        expression = expression.replace(name, value)
    return expression
