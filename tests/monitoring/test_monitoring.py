"""The alerts and the dashboard that come with the product look at figures that the product really tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from talktime.cli.shipped import SHIPPED
from tests.http.shop import Shop, good
from tests.support.postgres import Cluster
from tests.support.server import serving

ROOT = Path(__file__).parents[2]
MONITORING = SHIPPED / "monitoring"
ALERTS = MONITORING / "talktime-alerts.yml"
DASHBOARD = MONITORING / "talktime-dashboard.json"
TOLD_LATER = ("talktime_answer_seconds_bucket", "talktime_jobs_total", "talktime_deliveries_waiting")
OF_PROMETHEUS = {"up": {"job", "instance"}}
USED = re.compile(r"\b(?P<name>(?:talktime|process)_\w+|up\b)(?:\{(?P<labels>[^}]*)\})?")


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("promtool")
    assert program, "there is no promtool: `make packages` installs it"
    return subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=60)


def test_prometheus_understands_the_alerts() -> None:
    told = promtool("check", "rules", str(ALERTS), folder=MONITORING)
    assert (told.returncode, f"{len(alerts())} rules found" in told.stdout) == (0, True), told.stdout + told.stderr


def test_each_alert_comes_when_it_should_and_only_then(tmp_path: Path) -> None:
    for source in (ALERTS, Path(__file__).parent / "alerts.yml"):
        shutil.copy(source, tmp_path)
    told = promtool("test", "rules", "alerts.yml", folder=tmp_path)
    assert told.returncode == 0, told.stdout + told.stderr


def test_each_alert_is_tried() -> None:
    tried = (Path(__file__).parent / "alerts.yml").read_text()
    assert {name for name in alerts() if f'alertname="{name}"' not in tried} == set()


def test_each_alert_has_a_page_that_says_what_to_do() -> None:
    guide = (ROOT / "docs" / "operating" / "alerts.md").read_text()
    assert re.findall(r"^## (Talktime\w+)$", guide, re.MULTILINE) == alerts()


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", ALERTS.read_text())


@pytest.fixture(scope="module")
def told(postgres: Cluster) -> dict[str, set[str]]:
    """Each figure with its labels, of servers and a worker that have answered a call."""
    with serving(postgres.fresh_database(), "--workers", "2") as server:
        shop = Shop.opened(server.url, server.operator_key)
        org = shop.organization("10")
        good(org.api.post("/v1/calls/authorize", org.call("one")))
        shop.close()
        text = told_of_the_call(server.url)
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def told_of_the_call(url: str) -> str:
    """Another process may have answered it, or done due work, and tells of it within two seconds."""
    until = time.monotonic() + 60
    while True:
        text = httpx.get(f"{url}/metrics").text
        if all(f"\n{name}{{" in text for name in TOLD_LATER):
            return text
        assert time.monotonic() < until
        time.sleep(0.2)


def expressions() -> Iterator[str]:
    for rule in ALERTS.read_text().split("- alert: ")[1:]:
        yield rule.split("expr:")[1].split("for:")[0].split("labels:")[0]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (str(target["expr"]) for target in panel["targets"])


@pytest.mark.slow
def test_every_expression_is_about_figures_that_there_are(told: dict[str, set[str]]) -> None:
    used = [match for expression in expressions() for match in USED.finditer(expression)]
    assert len(used) > 30
    for match in used:
        labels = set(re.findall(r"(\w+)\s*[=!]", match["labels"] or ""))
        known = OF_PROMETHEUS.get(match["name"], told.get(match["name"]))
        assert known is not None, match["name"]
        assert labels <= known | {"instance"}, match[0]


@pytest.mark.slow
def test_every_figure_of_ours_is_on_the_dashboard(told: dict[str, set[str]]) -> None:
    shown = DASHBOARD.read_text()
    ours = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told if name.startswith("talktime_")}
    assert {name for name in ours if name not in shown} == set()


def test_the_dashboard_has_room_for_each_of_its_panels() -> None:
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
