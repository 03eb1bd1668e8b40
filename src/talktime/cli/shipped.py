"""`talktime files`: configurations for other programs that come with Talktime."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

import talktime
from talktime.cli.options import USAGE, CannotDo, Json, console, say, say_json

SHIPPED = Path(talktime.__file__).parent / "deploy"


def files(
    kind: Annotated[str | None, typer.Argument(help="Which of them; without it all kinds are listed.")] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="The folder to write them to.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    as_json: Json = False,
) -> None:
    """List the configurations that come with Talktime (services, alerts, a dashboard), or write some of them."""
    if kind is None:
        _list(as_json)
        return
    if kind not in kinds():
        raise CannotDo(f"there is no '{kind}': {', '.join(kinds())}", USAGE)
    if to is None:
        raise CannotDo(f"say where to, as in: talktime files {kind} --to {kind}", USAGE)
    written = _written(kind, to, force)
    if as_json:
        say_json({"written": [str(path) for path in written]})
        return
    for path in written:
        say(str(path))


def kinds() -> list[str]:
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir() and path.name != "__pycache__")


def _list(as_json: bool) -> None:
    listed = {kind: [path.name for path in _of(kind)] for kind in kinds()}
    if as_json:
        say_json(listed)
        return
    for kind, names in listed.items():
        console().print(f"[bold]{kind}[/bold]: {', '.join(names)}")
    say("Write some of them: talktime files KIND --to DIR")


def _of(kind: str) -> list[Path]:
    return sorted(path for path in (SHIPPED / kind).iterdir() if path.is_file())


def _written(kind: str, to: Path, force: bool) -> list[Path]:
    targets = [to / source.name for source in _of(kind)]
    there = [str(target) for target in targets if target.exists()]
    if there and not force:
        raise CannotDo(f"{', '.join(there)}: already there; --force writes over")
    try:
        to.mkdir(parents=True, exist_ok=True)
        for source, target in zip(_of(kind), targets, strict=True):
            shutil.copyfile(source, target)
    except OSError as error:
        raise CannotDo(f"{to} cannot be written: {error.strerror}") from error
    return targets


def add_to(app: typer.Typer) -> None:
    app.command()(files)
