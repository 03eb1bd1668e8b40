"""What all processes on this machine have measured, told by whichever of them is asked.

Several processes answer on one address, and one does due work without an address of its own. Each writes its figures
into the data folder every two seconds; an answer is all of them, each sample with the process it comes from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from time import time
from typing import NamedTuple, Self

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

WRITE_SECONDS = 2.0
GONE_SECONDS = 15.0
"""Who has written nothing for so long was killed."""

SERVER, WORKER = "server", "worker"
"""Only a server is ever asked."""

_TELLING = Lock()
"""What was counted later is written later."""


class Figures:
    """Of one process; written while it is entered."""

    def __init__(self, registry: CollectorRegistry, folder: Path, name: str) -> None:
        self._registry = registry
        self._folder = folder
        self.file = folder / f"{name}-{os.getpid()}.prom"
        self._over = Event()
        self._thread = Thread(target=self._write_on, name="figures", daemon=True)

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.file.touch()
        _told(self._registry, self.file)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.file.unlink(missing_ok=True)

    def _write_on(self) -> None:
        while not self._over.wait(WRITE_SECONDS):
            _told(self._registry, self.file)


def _told(registry: CollectorRegistry, file: Path) -> str:
    """Whatever is told stands in the file too: who is asked next must not tell less, as if it had begun anew."""
    with _TELLING:
        text = generate_latest(registry)
        # A full disk is told by others; figures of a moment ago do until then.
        with suppress(OSError):
            if file.exists():
                _replace(file, text)
    return text.decode()


def _replace(file: Path, text: bytes) -> None:
    unfinished = file.with_suffix(".new")
    unfinished.write_bytes(text)
    unfinished.replace(file)


class Seen(NamedTuple):
    """A process of this machine that wrote its figures a moment ago."""

    kind: str
    number: int
    at: float


def seen(folder: Path) -> list[Seen]:
    found = []
    for path, _ in _written(folder):
        kind, _, number = path.stem.rpartition("-")
        # It may end at this very moment.
        with suppress(OSError, ValueError):
            found.append(Seen(kind, int(number), path.stat().st_mtime))
    return found


def exposition(own: CollectorRegistry, folder: Path) -> bytes:
    """Of this process as they are now, of the others as they last told them."""
    return generate_latest(_merged(own, folder))


def samples(own: CollectorRegistry, folder: Path) -> Iterator[Sample]:
    """The same as values."""
    for family in _merged(own, folder).collect():
        yield from family.samples


def _merged(own: CollectorRegistry, folder: Path) -> _Merged:
    mine = folder / f"{SERVER}-{os.getpid()}.prom"
    return _Merged({mine.stem: _told(own, mine), **{p.stem: t for p, t in _written(folder, mine)}})


def _written(folder: Path, but: Path | None = None) -> Iterator[tuple[Path, str]]:
    for path in sorted(set(folder.glob("*.prom")) - {but}):
        # It may end at this very moment.
        with suppress(OSError):
            if path.stat().st_mtime > time() - GONE_SECONDS:
                yield path, path.read_text()


class _Merged(Collector):
    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for process, text in self._texts.items():
            for found in text_string_to_metric_families(text):
                if found.name.endswith("_created"):
                    continue
                family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                for sample in found.samples:
                    family.samples.append(sample._replace(labels={**sample.labels, "process": process}))
        yield from families.values()
