"""The software bill of materials, as CycloneDX 1.5: what a locked installation of Talktime consists of.

    python scripts/bill_of_materials.py requirements/runtime.txt --optional requirements/tracing.txt > talktime.cdx.json

What only the optional lock has is of the scope "optional". The usual generator brings two dozen packages; what it would
tell stands in the lock files already.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+))?")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pinned(NamedTuple):
    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def address(self) -> str:
        return f"pkg:pypi/{re.sub(r'[-_.]+', '-', self.name).lower()}@{self.version}"


def pinned(lock: str) -> Iterator[Pinned]:
    """Each requirement goes on over several lines, one for each file that may be installed."""
    for whole in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if found := PINNED.match(whole):
            yield Pinned(found["name"], found["version"], tuple(HASH.findall(whole)))


def united(locks: Sequence[Path]) -> list[Pinned]:
    """What several locks have in common is there once."""
    return list({part.address: part for lock in locks for part in pinned(lock.read_text())}.values())


def bill(parts: Sequence[Pinned], optional: Sequence[Pinned], version: str) -> dict[str, Any]:
    product = {"type": "application", "name": "talktime", "version": version, "purl": f"pkg:pypi/talktime@{version}"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": product | {"bom-ref": product["purl"]}},
        "components": [
            *(_component(part, "required") for part in parts),
            *(_component(part, "optional") for part in optional),
        ],
        "dependencies": [{"ref": product["purl"], "dependsOn": [part.address for part in (*parts, *optional)]}],
    }


def _component(part: Pinned, scope: str) -> dict[str, Any]:
    files = [
        {"type": "distribution", "url": part.address, "hashes": [{"alg": "SHA-256", "content": one}]}
        for one in part.hashes
    ]
    named = {"name": part.name, "version": part.version, "purl": part.address, "bom-ref": part.address}
    return {"type": "library", **named, "scope": scope, "externalReferences": files}


def version_of(project: Path) -> str:
    return str(tomllib.loads(project.read_text())["project"]["version"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="bill_of_materials.py", description="The bill of materials, as CycloneDX.")
    parser.add_argument("lock", type=Path, help="what every installation has")
    parser.add_argument("--optional", type=Path, help="what some have in its place, with the same and more")
    asked = parser.parse_args()
    needed = united([asked.lock])
    more = [part for part in united([asked.optional] if asked.optional else []) if part not in needed]
    json.dump(bill(needed, more, version_of(ROOT / "pyproject.toml")), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
