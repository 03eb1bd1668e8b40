"""The layout, as a table. Change this table together with the code, or not at all."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "talktime"

# Our packages that each package may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "storage": {"core"},
    "switches": {"core"},
    "charging": {"core", "storage"},
    "actions": {"core", "storage", "switches"},
    "jobs": {"core", "storage", "actions", "charging", "app", "observability"},
    "web": {"core", "actions", "charging", "storage", "app", "observability"},
    "cli": {"core", "actions", "charging", "app", "settings", "server", "jobs", "web", "storage"},
    "settings": set(),
    "clock": set(),
    "observability": {"core"},
    "app": {"actions", "charging", "clock", "core", "jobs", "observability", "settings", "storage"},
    "server": {"app", "jobs", "settings", "storage", "web", "observability"},
}

# Libraries of others that a package may use; the standard library is always there, but for what CORE_MAY_NOT says.
LIBRARIES: dict[str, set[str]] = {
    "core": {"msgspec", "phonenumbers"},
    "storage": {"msgspec", "sqlalchemy", "alembic", "psycopg", "cryptography"},
    "switches": set(),
    "charging": {"msgspec"},
    "actions": {"msgspec"},
    "jobs": {"msgspec", "structlog"},
    "web": {"msgspec", "structlog", "prometheus_client"},
    "cli": {"msgspec", "rich", "structlog", "typer", "uvicorn"},
    "settings": set(),
    "clock": set(),
    "observability": {"prometheus_client", "structlog"},
    "app": set(),
    "server": {"uvicorn", "structlog", "uvloop"},
}
STANDARD = "standard"
CORE_MAY_NOT = {"os", "socket", "sqlite3", "subprocess", "threading", "time", "random", "secrets", "logging", "asyncio"}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts)


def package(path: Path) -> str:
    inside = path.relative_to(SOURCE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imported(path: Path) -> set[str]:
    """Full names of what a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def ours(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("talktime.")}


def standard_library() -> frozenset[str]:
    import sys

    return sys.stdlib_module_names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_its_package_may(path: Path) -> None:
    if path.name in ("__init__.py", "__main__.py"):
        return
    mine, names = package(path), imported(path)
    assert ours(names) - {mine} <= MAY_IMPORT[mine]
    others = {name.split(".")[0] for name in names} - {"talktime"} - standard_library()
    assert others <= LIBRARIES[mine]


def test_the_core_opens_nothing_and_looks_at_no_clock() -> None:
    tops = {name.split(".")[0] for path in modules() if package(path) == "core" for name in imported(path)}
    assert tops & CORE_MAY_NOT == set()


def test_every_package_is_in_the_table() -> None:
    assert {package(path) for path in modules()} - {"__init__", "__main__"} <= set(MAY_IMPORT)


def test_no_package_imports_one_that_imports_it() -> None:
    table = {name: ours(set().union(*map(imported, _of(name)))) - {name} for name in MAY_IMPORT}
    circles = [(one, other) for one, mine in table.items() for other in mine if one in table.get(other, set())]
    assert [pair for pair in circles if pair != ("app", "jobs") and pair != ("jobs", "app")] == []


def _of(name: str) -> list[Path]:
    return [path for path in modules() if package(path) == name]


def test_init_files_are_empty() -> None:
    assert [path for path in SOURCE.rglob("__init__.py") if path.read_text().strip()] == []


def test_sql_is_written_in_storage_alone() -> None:
    users = [path for path in modules() if {n.split(".")[0] for n in imported(path)} & {"sqlalchemy", "psycopg", "sqlite3"}]
    assert {package(path) for path in users} <= {"storage"}
