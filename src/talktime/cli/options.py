"""What several commands ask for, and how they say what they have done."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from talktime.core.ids import org_number
from talktime.core.scopes import OPERATOR_ORG
from talktime.settings import Settings, load

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The folder of the embedded database.", show_default=False)
]
Url = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="postgresql://… ; without it the embedded database in the data folder.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output.")]

BAD, USAGE, FAILED = 1, 2, 3
"""Exit codes: something was checked and is not right; called wrongly; it could not be done."""


class CannotDo(Exception):
    """A sentence for the person who called, and the exit code."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def settings_of(data: Path | None, database: str | None, **flags: Any) -> Settings:
    return load({"data": data, "database": database, **flags})


def organization_in(name: str) -> int:
    """Its number. The operator's own people and his audit log stand under a number of their own."""
    if name == "operator":
        return OPERATOR_ORG
    if number := org_number(name):
        return number
    raise CannotDo(f"'{name}' is no organization: they are called org_..., or 'operator'", USAGE)


def content_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotDo(f"{file} cannot be read: {error.strerror}") from error


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    say(json.dumps(value, indent=2, ensure_ascii=False))


def console() -> Console:
    """For tables and people; what scripts read is said with `say`."""
    return Console(highlight=False)


def progress_bar(*, hidden: bool = False) -> Progress:
    """On standard error, and only where somebody sees it."""
    shown = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=shown,
        disable=hidden or not shown.is_terminal,
    )
