"""Figures of several processes, told by any of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from talktime.exposition import GONE_SECONDS, SERVER, Figures, exposition
from tests.support.postgres import Cluster
from tests.support.server import serving


def registry(count: int) -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("calls_total", "Calls", ["outcome"], registry=made).labels("granted").inc(count)
    Histogram("seconds", "Seconds", registry=made).observe(0.2)
    return made


def written(folder: Path, name: str, count: int) -> Path:
    """What another process left there."""
    with Figures(registry(count), folder, SERVER) as figures:
        return figures.file.rename(folder / name)


def test_each_sample_names_its_process(tmp_path: Path) -> None:
    written(tmp_path, "worker-1.prom", 3)
    told = exposition(registry(5), tmp_path).decode()
    assert 'calls_total{outcome="granted",process="worker-1"} 3.0' in told
    assert f'calls_total{{outcome="granted",process="server-{os.getpid()}"}} 5.0' in told
    assert told.count("# TYPE calls_total counter") == 1
    assert 'seconds_bucket{le="0.25",process="worker-1"} 1.0' in told


def test_who_is_asked_tells_what_is_so_now_and_itself_only_once(tmp_path: Path) -> None:
    with Figures(registry(5), tmp_path, SERVER):
        told = exposition(registry(6), tmp_path).decode()
    assert re.findall(r"^calls_total\{.*\} (.*)$", told, re.MULTILINE) == ["6.0"]


def test_what_was_told_once_is_never_told_as_less(tmp_path: Path) -> None:
    """A count that goes back would look to Prometheus like a process that has begun anew."""
    with Figures(registry(5), tmp_path, SERVER) as figures:
        exposition(registry(6), tmp_path)
        assert 'calls_total{outcome="granted"} 6.0' in figures.file.read_text()


def test_who_was_killed_is_told_no_more(tmp_path: Path) -> None:
    left = written(tmp_path, "worker-1.prom", 3)
    before = left.stat().st_mtime - GONE_SECONDS - 1
    os.utime(left, (before, before))
    assert "worker-1" not in exposition(registry(5), tmp_path).decode()


def test_who_ends_leaves_nothing(tmp_path: Path) -> None:
    with Figures(registry(1), tmp_path, SERVER):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_each_process_of_a_server_is_told_by_whichever_is_asked(postgres: Cluster) -> None:
    with serving(postgres.fresh_database(), "--workers", "2") as server:
        told = httpx.get(f"{server.url}/metrics").text
    processes = re.findall(r'^process_open_fds\{process="(\w+)-\d+"\}', told, re.MULTILINE)
    assert sorted(processes) == ["server", "server", "worker"]
