"""The alerts and the dashboard that come with the product look at figures that the product really tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from talktime.core.calls import Refusal
from talktime.jobs.worker import JOBS
from talktime.observability import JobEnd
from tests.http.shop import Shop, good
from tests.monitoring.promql import Chosen, used
from tests.monitoring.shipped import ALERTS, MONITORING, Asked, of_alerts, of_panels, of_variables, panels, rules
from tests.support.postgres import Cluster
from tests.support.server import serving

ROOT = Path(__file__).parents[2]
TOLD_LATER = ("talktime_answer_seconds_bucket", "talktime_jobs_total", "talktime_deliveries_waiting")
OF_SCRAPING = ("job", "instance")
OF_PROMETHEUS = {"up": OF_SCRAPING}
Told = dict[str, dict[str, set[str]]]
"""Each figure with its labels, and what each of them may be."""
NOT_SEEN_IN_A_MOMENT: Told = {
    "talktime_jobs_total": {"outcome": {*JobEnd}, "task": {job.name for job in JOBS}},
    "talktime_decisions_total": {"outcome": {*Refusal}},
}
"""What the real program tells only when something goes wrong."""
ENDS = re.compile("_(bucket|sum|count)$")


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
    return [*rules()]


@pytest.fixture(scope="module")
def told(postgres: Cluster) -> Told:
    """Of servers and a worker that have answered a call."""
    with serving(postgres.fresh_database(), "--workers", "2") as server:
        shop = Shop.opened(server.url, server.operator_key)
        org = shop.organization("10")
        good(org.api.post("/v1/calls/authorize", org.call("one")))
        shop.close()
        text = told_of_the_call(server.url)
    found: Told = {name: {label: set() for label in labels} for name, labels in OF_PROMETHEUS.items()}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            _note(found.setdefault(sample.name, {}), sample.labels | dict.fromkeys(OF_SCRAPING, ""))
    for name, labels in NOT_SEEN_IN_A_MOMENT.items():
        assert name in found and labels.keys() <= found[name].keys(), f"{name} is not told with {set(labels)}"
        for label, values in labels.items():
            found[name][label] |= values
    return found


def _note(known: dict[str, set[str]], labels: Mapping[str, str]) -> None:
    for label, value in labels.items():
        known.setdefault(label, set()).add(value)


def told_of_the_call(url: str) -> str:
    """Another process may have answered it, or done due work, and tells of it within two seconds."""
    until = time.monotonic() + 60
    while True:
        text = httpx.get(f"{url}/metrics").text
        if all(f"\n{name}{{" in text for name in TOLD_LATER):
            return text
        assert time.monotonic() < until
        time.sleep(0.2)


def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    asked = [one.expression for one in of_panels()]
    recorded = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    # JSON is YAML too.
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    said = promtool("check", "rules", "panels.yml", folder=tmp_path)
    assert (said.returncode, f"{len(asked)} rules found" in said.stdout) == (0, True), said.stdout + said.stderr
    assert not [one for one in asked if "$" in one]


@pytest.mark.slow
def test_every_expression_is_about_figures_and_labels_that_there_are(told: Told) -> None:
    asked = [*of_alerts(), *of_panels()]
    assert len(asked) > 30
    assert [f"{one.where}: {what}" for one in asked for what in wrong_in(one, told)] == []
    assert [pair for pair in of_variables() if pair[1] not in told.get(pair[0], {})] == []


def wrong_in(asked: Asked, told: Told) -> Iterator[str]:
    figures, grouped = used(asked.expression)
    if not figures:
        yield "it is about nothing"
    for figure in figures:
        known = told.get(figure.name)
        if known is None:
            yield f"nobody tells {figure.name}"
            continue
        yield from (f"{figure.name} has no label {label}" for label in sorted({*grouped, *asked.shown} - known.keys()))
        yield from (f"{figure.name} is never {''.join(one)}" for one in figure.chosen if not can_be(one, known))
    if grouped and not {*asked.shown} <= {*grouped}:
        yield f"what is shown is lost in grouping: {asked.shown}"


def can_be(choice: Chosen, known: Mapping[str, set[str]]) -> bool:
    """Whether anything is left of the figure. What Prometheus itself calls things is for the operator to say."""
    if choice.label not in known:
        return False
    if choice.label in OF_SCRAPING or choice.sign.startswith("!"):
        return choice.label in OF_SCRAPING or choice.value in {"", *known[choice.label]}
    if choice.sign == "=~":
        return any(re.fullmatch(choice.value, value) for value in known[choice.label])
    return choice.value in known[choice.label]


REAL: Told = {
    "calls_total": {"outcome": {"granted"}, "process": {"server-1"}, "instance": {""}, "job": {""}},
    "seconds_bucket": {"route": {"authorize"}, "le": {"1.0"}, "instance": {""}, "job": {""}},
}


@pytest.mark.parametrize(
    ("expression", "shown", "said"),
    [
        ("sum(callz_total)", (), ["nobody tells callz_total"]),
        ("rate(calls_total[5m]) > 0 and on (job) callz", (), ["nobody tells callz"]),
        ("sum by (outcom) (calls_total)", (), ["calls_total has no label outcom"]),
        ("sum(calls_total) without (proces)", (), ["calls_total has no label proces"]),
        ("calls_total / on (job) group_left (le) calls_total", (), ["calls_total has no label le"] * 2),
        ('calls_total{outcome="grant"}', (), ["calls_total is never outcome=grant"]),
        ("count_over_time(rate(calls_total[1m])[4h:15m] offset 2d)", (), []),
        ('calls_total{outcome=~"gr.*|x"}', (), []),
        ('calls_total{outcome=~"x.*"}', (), ["calls_total is never outcome=~x.*"]),
        ('calls_total{outcome!="grant"}', (), ["calls_total is never outcome!=grant"]),
        ('calls_total{rout!=""}', (), ["calls_total is never rout!="]),
        ("sum by (outcome) (calls_total)", ("process",), ["what is shown is lost in grouping: ('process',)"]),
        ("time() - vector(3)", (), ["it is about nothing"]),
        ('histogram_quantile(0.99, sum by (route, le) (rate(seconds_bucket{route="authorize"}[5m])))', ("route",), []),
    ],
)
def test_what_is_wrong_with_an_expression_is_found(expression: str, shown: tuple[str, ...], said: list[str]) -> None:
    """A check that cannot fail would be none."""
    assert [*wrong_in(Asked("a panel", expression, shown), REAL)] == said


@pytest.mark.slow
def test_every_figure_of_ours_is_on_the_dashboard(told: Told) -> None:
    shown = {figure.name for one in of_panels() for figure in used(one.expression).figures}
    shown = {re.sub(ENDS, "", name) for name in shown}
    ours = {re.sub(ENDS, "", name) for name in told if name.startswith("talktime_")}
    assert {name for name in ours if name not in shown} == set()


def test_the_dashboard_has_room_for_each_of_its_panels() -> None:
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels())
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
