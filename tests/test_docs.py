"""Documents say what is: files, links, commands, settings and names in the code that they mention are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest
import typer.main

from talktime.cli.main import app
from talktime.settings import Settings
from tests.support.citus import VARIABLE as CLUSTER

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "talktime"
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")])
DECISIONS = ROOT / "docs" / "decisions"
OPERATING = ROOT / "docs" / "operating"
HOMES = (ROOT, ROOT / "src" / "talktime", ROOT / "docs")
"""A path in a document begins at one of these."""

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
PATH = re.compile(r"\.?[\w-]+(?:/[\w.*{},-]+)+/?|[\w-]+\.(?:py|md|toml|txt|csv|sh|c)")
ATTRIBUTE = re.compile(r"((?:[a-z_]+/)*[a-z_]+)\.([A-Z]\w+)")


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def prose(document: Path) -> str:
    return BLOCK.sub("", document.read_text())


def said_in_code(document: Path) -> list[str]:
    return CODE.findall(prose(document))


def commands(document: Path) -> Iterator[str]:
    """Lines of shell: in blocks, and in the middle of a sentence."""
    text = document.read_text()
    yield from chain.from_iterable(block.splitlines() for block in BLOCK.findall(text))
    yield from CODE.findall(BLOCK.sub("", text))


def is_there(path: str) -> bool:
    if any(sign in path for sign in "*{"):
        pattern = re.sub(r"\{[^}]*\}", "*", path)
        return any(next(home.glob(pattern.rstrip("/")), None) for home in HOMES)
    return any((home / path).exists() or (home / f"{path}.py").exists() for home in HOMES)


on_each = pytest.mark.parametrize("document", DOCUMENTS, ids=named)


@on_each
def test_links_lead_somewhere(document: Path) -> None:
    inside = [link for link in LINK.findall(prose(document)) if "://" not in link]
    assert [link for link in inside if not (document.parent / link).exists()] == []


@on_each
def test_files_and_modules_that_are_named_are_there(document: Path) -> None:
    said = [code for code in said_in_code(document) if not ATTRIBUTE.fullmatch(code)]
    paths = [code for code in said if PATH.fullmatch(code) and not code.startswith("/")]
    assert [path for path in paths if not is_there(path) and path not in NO_FILES] == []


NO_FILES = frozenset({"requirements.txt", "secret.key", "talktime.toml"})
"""What an installation has and the source has not."""


@on_each
def test_names_in_the_code_that_are_named_are_there(document: Path) -> None:
    found = [ATTRIBUTE.fullmatch(code) for code in said_in_code(document)]
    missing = [match[0] for match in found if match and match[2] not in names_in(match[1])]
    assert missing == []


@cache
def names_in(module: str) -> frozenset[str]:
    """What a module of ours has at its top."""
    path = ROOT / "src" / "talktime" / f"{module}.py"
    if not path.exists():
        return frozenset()
    body = ast.parse(path.read_text()).body
    made = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    targets = chain.from_iterable(node.targets for node in body if isinstance(node, ast.Assign))
    annotated = [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return frozenset([*made, *[node.id for node in chain(targets, annotated) if isinstance(node, ast.Name)]])


@on_each
def test_what_make_is_asked_for_can_be_made(document: Path) -> None:
    asked = re.findall(r"(?:^|`|&& )make ([a-z-]+)\b", document.read_text(), re.MULTILINE)
    assert [target for target in asked if target not in TARGETS] == []


TARGETS = frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@on_each
def test_commands_are_there_with_their_options(document: Path) -> None:
    known = subcommands()
    for line in commands(document):
        for words in re.findall(r"(?:^|[/(` ])talktime ((?:[a-z]+(?:-[a-z]+)* ?)+)((?:--[a-z-]+[^|>`]*)?)", line):
            command = next((name for name in sorted(known, reverse=True) if words[0].startswith(name)), None)
            if command is None:
                # Something else that is called so: a database, a folder.
                assert line.strip().split()[0] not in ("talktime", ".venv/bin/talktime"), line
                continue
            options = re.findall(r"--[a-z][a-z-]*", words[1])
            assert [option for option in options if option not in known[command]] == [], line


@cache
def subcommands() -> dict[str, frozenset[str]]:
    """Each command with its options."""
    found: dict[str, frozenset[str]] = {}
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    waiting = [(name, command) for name, command in group.commands.items()]
    while waiting:
        name, command = waiting.pop()
        inside = getattr(command, "commands", {})
        waiting += [(f"{name} {inner}", one) for inner, one in inside.items()]
        options = chain.from_iterable([*one.opts, *one.secondary_opts] for one in command.params)
        found[name] = frozenset([*options, "--help"])
    return found


@on_each
def test_programs_of_the_tests_are_there(document: Path) -> None:
    modules = re.findall(r"python3? -m ([\w.]+)", document.read_text())
    assert [module for module in modules if not (find_spec(module))] == []


@on_each
def test_settings_are_there(document: Path) -> None:
    known = (
        {f"TALKTIME_{one.name.upper()}" for one in fields(Settings)} | {"TALKTIME_SETTINGS", CLUSTER} | said_to_others()
    )
    assert set(re.findall(r"TALKTIME_[A-Z_]+[A-Z]", document.read_text())) <= known


@cache
def said_to_others() -> frozenset[str]:
    """Names that doors give to switches, and those from which programs beside a switch take their secrets."""
    doors = chain((SOURCE / "integrations").rglob("*.py"), [SOURCE / "cli" / "platforms.py", SOURCE / "cli" / "agi.py"])
    return frozenset(chain.from_iterable(re.findall(r'"(TALKTIME_[A-Z_]+)"', one.read_text()) for one in doors))


def test_every_decision_is_listed_and_numbered() -> None:
    files = sorted(path.name for path in DECISIONS.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    listed = re.findall(r"^\| \[(\d+)\]\((\S+\.md)\) \|", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    assert [name for _, name in listed] == files
    assert [int(number) for number, _ in listed] == [int(name[:4]) for name in files]


def test_every_decision_has_the_title_under_which_it_is_listed() -> None:
    rows = re.findall(r"^\| \[\d+\]\((\S+\.md)\) \| (.+?) \|", (DECISIONS / "README.md").read_text(), re.MULTILINE)
    for name, title in rows:
        first = (DECISIONS / name).read_text().splitlines()[0]
        assert title in first, name


def test_the_readme_leads_to_every_document() -> None:
    """To the decisions and to the pages of the operating guide by their lists."""
    linked = {path for page in (ROOT / "README.md", OPERATING / "README.md") for path in led_to(page)}
    own = [one for one in DOCUMENTS if one.parent != DECISIONS and one.name != "README.md"]
    assert [named(one) for one in own if one.resolve() not in linked] == []


def led_to(document: Path) -> set[Path]:
    return {(document.parent / link).resolve() for link in LINK.findall(document.read_text()) if "://" not in link}


def test_the_readme_leads_to_the_operating_guide() -> None:
    assert (OPERATING / "README.md").resolve() in led_to(ROOT / "README.md")
