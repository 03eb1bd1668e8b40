"""Where a program beside a switch finds its platform, and the key that opens it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from talktime.cli.options import USAGE, CannotDo, content_of

KEY = "TALKTIME_KEY"

Address = Annotated[
    str, typer.Option("--url", metavar="URL", help="Where the server is, such as http://127.0.0.1:8080.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help=f"A file with a key of the scope `calls`; without it the environment's {KEY}.",
        show_default=False,
    ),
]


def key_from(file: Path | None) -> str:
    key = content_of(file).decode("utf-8", "replace").strip() if file else os.environ.get(KEY, "")
    if not key:
        raise CannotDo(f"a key is needed: --key-file FILE, or {KEY} in the environment", USAGE)
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CannotDo("that is no key: it is one word that begins with tt_", USAGE)
    return key


def address_of(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise CannotDo(f"--url begins with http:// or https://, and {url} does not", USAGE)
    return url.rstrip("/")
