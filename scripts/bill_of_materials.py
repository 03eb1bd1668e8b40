"""The software bill of materials, as CycloneDX 1.5: what a locked installation of Talktime consists of.

    python scripts/bill_of_materials.py requirements/runtime.txt > talktime.cdx.json

The usual generator brings two dozen packages; what it would tell stands in the lock file already.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
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


def bill(parts: list[Pinned], version: str) -> dict[str, Any]:
    product = {"type": "application", "name": "talktime", "version": version, "purl": f"pkg:pypi/talktime@{version}"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": product | {"bom-ref": product["purl"]}},
        "components": [_component(part) for part in parts],
        "dependencies": [{"ref": product["purl"], "dependsOn": [part.address for part in parts]}],
    }


def _component(part: Pinned) -> dict[str, Any]:
    files = [
        {"type": "distribution", "url": part.address, "hashes": [{"alg": "SHA-256", "content": one}]}
        for one in part.hashes
    ]
    named = {"name": part.name, "version": part.version, "purl": part.address, "bom-ref": part.address}
    return {"type": "library", **named, "externalReferences": files}


def version_of(project: Path) -> str:
    return str(tomllib.loads(project.read_text())["project"]["version"])


if __name__ == "__main__":
    found = list(pinned(Path(sys.argv[1]).read_text()))
    json.dump(bill(found, version_of(ROOT / "pyproject.toml")), sys.stdout, indent=2)
    sys.stdout.write("\n")
