"""Known weaknesses of all libraries that `make dist` locks, as the package index tells them: `python -m tests.audit`.

It is asked where pip asks. Where nobody answers, or says nothing of weaknesses, nothing was audited: no good news.
"""

from __future__ import annotations

import argparse
import ast
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import msgspec
from msgspec import Struct

from scripts.bill_of_materials import Pinned, united

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
LOCKS = (REQUIREMENTS / "runtime.txt", REQUIREMENTS / "tracing.txt")
"""What is handed out: for everybody, and with what traces need."""
SECONDS_MAX = 20.0
SILENT_MAX = 3
"""Of so many libraries in a row from the first on nothing was said: this index says nothing of any."""
PLACES = (":env:", "install", "global")
"""Of a setting of pip, those that win first."""


class NotAsked(Exception):
    """Nobody can be asked; the message says why."""


class Weakness(Struct, frozen=True):
    id: str
    fixed_in: tuple[str, ...] = ()
    withdrawn: str | None = None
    """Whoever told of it was wrong."""


class Answer(Struct, frozen=True):
    vulnerabilities: tuple[Weakness, ...]


class Audit(Struct):
    asked: int
    found: list[str]
    unanswered: list[str]

    def __str__(self) -> str:
        known = f"{len(self.found)} known weaknesses"
        if self.unanswered:
            some = ", ".join(self.unanswered[:5])
            return (
                f"not audited: nothing was heard of {len(self.unanswered)} of {self.asked} ({some}); {known} otherwise"
            )
        return f"{self.asked} libraries asked about, {known}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.audit", description="Known weaknesses of locked libraries.")
    parser.add_argument("--lock", type=Path, nargs="+", help="other files of locked versions", default=LOCKS)
    parts = united(parser.parse_args().lock)
    try:
        done = audited(parts, index(), certificates())
    except NotAsked as why:
        print(f"not audited: {why}")
        return
    print("\n".join([*done.found, str(done)]))
    sys.exit(bool(done.found))


def audited(parts: Sequence[Pinned], index: str, certificates: str | None = None) -> Audit:
    done = Audit(len(parts), [], [])
    tls = ssl.create_default_context(cafile=certificates)
    with httpx.Client(timeout=SECONDS_MAX, verify=tls, follow_redirects=True) as client:
        for part in parts:
            told = _told(client, f"{_root(index)}/pypi/{part.name}/{part.version}/json")
            if told is None:
                done.unanswered.append(part.name)
                _check_silence(done, parts)
            else:
                done.found += [_line(part, one) for one in told.vulnerabilities if one.withdrawn is None]
    return done


def _check_silence(done: Audit, parts: Sequence[Pinned]) -> None:
    if done.unanswered == [part.name for part in parts[:SILENT_MAX]] and len(done.unanswered) == SILENT_MAX:
        raise NotAsked("the package index says nothing of weaknesses")


def _told(client: httpx.Client, address: str) -> Answer | None:
    """None: it does not say. Whoever cannot be reached once is not asked for every library."""
    try:
        said = client.get(address)
        return msgspec.json.decode(said.content, type=Answer) if said.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAsked(f"the package index does not answer ({type(error).__name__})") from error
    except msgspec.DecodeError:
        return None


def _root(index: str) -> str:
    return re.sub(r"/simple/?$", "", index)


def _line(part: Pinned, one: Weakness) -> str:
    return f"{part.name} {part.version}: {one.id}, mended in {', '.join(one.fixed_in) or 'no version yet'}"


# ---------------------------------------------------------------- where pip asks


def index() -> str:
    """As it was set, else what pip says that it asks by itself."""
    settings = _settings()
    if _setting(settings, "no-index") not in (None, "0", "no", "false", "off"):
        raise NotAsked("pip is told to ask no index")
    usual = re.search(r"default\s+(https?://[^\s)]+)", _pip("install", "--help"))
    found = _setting(settings, "index-url") or (usual and usual[1])
    if not found:
        raise NotAsked("pip names no index")
    return found


def certificates() -> str | None:
    return _setting(_settings(), "cert")


def _settings() -> Mapping[str, str]:
    lines = (line.partition("=") for line in _pip("config", "list").splitlines())
    return {name: str(ast.literal_eval(value)) for name, _, value in lines if value}


def _setting(settings: Mapping[str, str], name: str) -> str | None:
    return next((settings[f"{place}.{name}"] for place in PLACES if f"{place}.{name}" in settings), None)


def _pip(*words: str) -> str:
    command = [sys.executable, "-m", "pip", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
