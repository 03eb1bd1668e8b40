"""What the pages for the night must have: a paragraph for each finding, steps and an end for each alert."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.operating.guides import FOLDER, ROOT

SOURCE = ROOT / "src" / "talktime"
LABELS = re.findall(r'_\("(.+?)"\)', (SOURCE / "portal" / "menu.py").read_text())
WAY = re.compile(r"\b(Calls|Reports|Users|Rates|Settings|Operator|Billing) > (.+)")
ALERT = re.compile(r"^## (Talktime\w+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
ALERTS = ALERT.findall((FOLDER / "alerts.md").read_text())


def findings() -> set[str]:
    """Whatever `doctor` may name."""
    asked = "".join((SOURCE / path).read_text() for path in ("cli/doctor.py", "storage/diagnosis.py"))
    in_a_loop = re.findall(r'^        \("(\w+)", "', asked, re.MULTILINE)
    return {*re.findall(r'Told\(\s*"([\w ]+)"', asked), *in_a_loop}


def test_each_finding_of_doctor_has_its_paragraph() -> None:
    chapter = (FOLDER / "trouble.md").read_text().partition("## What doctor finds")[2].partition("\n## ")[0]
    assert len(findings()) > 12
    assert set(re.findall(r"^### (.+)$", chapter, re.MULTILINE)) == findings()


@pytest.mark.parametrize(("name", "page"), ALERTS, ids=[name for name, _ in ALERTS])
def test_each_alert_says_who_gets_up_what_to_do_first_and_when_it_is_over(name: str, page: str) -> None:
    severity = (SOURCE / "deploy/monitoring/talktime-alerts.yml").read_text().partition(f"alert: {name}\n")[2]
    expected = re.findall(r"severity: (\w+)", severity)[0]
    assert page.startswith(f"\n*{expected.capitalize()}.* ")
    assert "\n1. " in page
    assert re.search(r"^Over (when|by|within)\b", page, re.MULTILINE)


@pytest.mark.parametrize("page", ["alerts.md", "trouble.md"])
def test_whoever_is_woken_is_told_the_command_that_has_the_settings(page: str) -> None:
    """What `files` writes needs none."""
    assert re.findall(r"`talktime (?!files )[^`]+`", (FOLDER / page).read_text()) == []


@pytest.mark.parametrize("guide", sorted(FOLDER.rglob("*.md")), ids=lambda path: path.name)
def test_a_way_through_the_portal_is_one_that_there_is(guide: Path) -> None:
    ways = WAY.findall(guide.read_text())
    assert [way for way in ways if not any(way[1].startswith(label) for label in LABELS)] == []
    assert [area for area, _ in ways if area not in LABELS] == []
