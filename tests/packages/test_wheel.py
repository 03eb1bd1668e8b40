"""What is handed to others: a wheel with all that the product needs, and what it consists of."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "talktime"
LISTS = {"runtime": "requirements.txt", "tracing": "requirements-tracing.txt"}
"""Which lock becomes which list."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("dist"))


def build(folder: Path) -> Path:
    """As `make dist` does."""
    script = ROOT / "scripts" / "make_dist.sh"
    subprocess.run([script, folder / "dist"], check=True, capture_output=True, timeout=300)
    return folder / "dist"


def wheel(folder: Path) -> Path:
    return next(folder.glob("*.whl"))


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_same_source_makes_the_same_files(built: Path, tmp_path: Path) -> None:
    assert digests(built) == digests(build(tmp_path))
    assert {path.suffix for path in built.iterdir()} == {".whl", ".gz", ".json", ".txt"}


def test_the_source_that_is_handed_out_makes_the_same_wheel(built: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "--extract", "--file", next(built.glob("*.tar.gz"))], cwd=tmp_path, check=True)
    [source] = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=300)
    assert wheel(tmp_path).read_bytes() == wheel(built).read_bytes()


@pytest.mark.parametrize(("locked", "list_of"), LISTS.items())
def test_the_list_of_what_is_installed_has_the_lock_and_the_wheel_with_its_hash(
    built: Path, locked: str, list_of: str
) -> None:
    lock = (ROOT / "requirements" / f"{locked}.txt").read_text()
    listed = (built / list_of).read_text()
    assert listed == f"{lock}./{wheel(built).name} --hash=sha256:{digests(built)[wheel(built).name]}\n"


def test_what_traces_need_is_added_to_the_rest_and_is_what_is_tested() -> None:
    runtime, tracing, tested = map(pinned, ("runtime", "tracing", "test"))
    assert runtime < tracing <= tested | runtime
    assert {name.split("==")[0] for name in tracing - runtime} >= {
        "opentelemetry-sdk",
        "opentelemetry-exporter-otlp-proto-http",
    }


def pinned(lock: str) -> set[str]:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
    return {line.split()[0] for line in lines if "==" in line and line[0].isalpha()}


def test_every_file_of_the_product_is_in_the_wheel(built: Path) -> None:
    with zipfile.ZipFile(wheel(built)) as archive:
        packed = set(archive.namelist())
    listed = subprocess.run(["git", "ls-files", "src/talktime"], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {path.removeprefix("src/") for path in listed.stdout.splitlines()}
    assert len(wanted) > 400
    assert wanted - packed == set()
    assert {path for path in packed if not path.startswith(("talktime/", "talktime-"))} == set()


def test_the_wheel_alone_serves_a_demonstration(built: Path, tmp_path: Path) -> None:
    """Libraries come from here; of the product itself nothing but the wheel's own files is used."""
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel(built)) as archive:
        archive.extractall(installed)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    told = subprocess.run(
        [sys.executable, "-c", "import talktime; print(talktime.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(told.stdout.strip()).is_relative_to(installed)
    command = [sys.executable, "-m", "talktime.cli.main", "demo", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout
        try:
            assert any("operator key" in line for line in demo.stdout)
        finally:
            demo.terminate()
            demo.communicate(timeout=60)


def test_the_bill_of_materials_names_every_library_with_its_hashes(built: Path) -> None:
    components = json.loads((built / "talktime.cdx.json").read_text())["components"]
    lists = [path.read_text() for path in built.glob("requirements*.txt")]
    assert len(lists) == len(LISTS)
    assert {one["name"] for one in components} == set().union(*map(libraries, lists))
    assert len({one["bom-ref"] for one in components}) == len(components)
    hashes = [file["hashes"][0]["content"] for one in components for file in one["externalReferences"]]
    everywhere = {
        digest for listed in lists for digest in re.findall(r"--hash=sha256:(\w+) ?\\?$", listed, re.MULTILINE)
    }
    assert set(hashes) == everywhere - {digests(built)[wheel(built).name]}
    assert all(one["externalReferences"] for one in components)


def test_the_bill_of_materials_tells_apart_what_only_traces_need(built: Path) -> None:
    components = json.loads((built / "talktime.cdx.json").read_text())["components"]
    scopes = {one["name"]: one["scope"] for one in components}
    needed, traced = (libraries((built / listed).read_text()) for listed in LISTS.values())
    assert {name for name, scope in scopes.items() if scope == "required"} == needed
    assert {name for name, scope in scopes.items() if scope == "optional"} == traced - needed
    assert "protobuf" in traced - needed


def libraries(listed: str) -> set[str]:
    return {re.split(r"\[|==", line)[0] for line in listed.splitlines() if "==" in line and line[0].isalpha()}
