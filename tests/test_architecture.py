"""The layout, as a table. Change this table together with the code, or not at all."""

import ast
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "talktime"

# Our packages that each package may import, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "storage": {"core"},
    "rating": {"core"},
    "switches": {"core", "notifications"},
    "languages": {"core"},
    "payments": {"core"},
    "notifications": {"core", "languages"},
    "identity": {"core", "notifications"},
    "documents": {"core", "languages"},
    "reports": {"core", "storage"},
    "charging": {"core", "storage"},
    "capacity": {"charging", "core", "storage"},
    "actions": {"core", "identity", "notifications", "payments", "rating", "storage", "switches"},
    "jobs": {"core", "storage", "actions", "charging", "reports", "app", "observability"},
    "web": {"core", "actions", "charging", "documents", "languages", "reports", "storage", "app", "exposition"},
    "integrations": {"core", "web"},
    "portal": {"core", "actions", "alarms", "languages", "lately", "reports", "storage", "web", "app", "exposition"},
    "cli": {
        *("core", "actions", "capacity", "charging", "rating", "reports", "storage"),
        *("app", "clock", "integrations", "listening", "settings", "server", "observability", "web"),
    },
    "settings": {"core"},
    "clock": set(),
    "observability": {"core"},
    "exposition": set(),
    "alarms": {"core"},
    "lately": {"exposition"},
    "supervisor": set(),
    "tracing": {"charging", "core", "notifications", "storage"},
    "listening": set(),
    "leaving": {"supervisor", "web"},
    "app": {
        *("actions", "charging", "clock", "core", "identity", "lately", "notifications", "observability"),
        *("payments", "settings", "storage", "tracing"),
    },
    "server": {
        *("actions", "app", "exposition", "integrations", "jobs", "observability", "portal", "settings", "storage"),
        *("leaving", "listening", "supervisor", "web"),
    },
}

# Of storage, doors know transactions, errors and the values that rows are read into: no function with SQL in it. The
# command line has the tools that look after a whole database.
DOORS = {"web", "portal", "integrations", "cli", "jobs"}
DOORS_MAY_USE = {
    "database",
    "schema",
    "errors",
    "folder",
    "vault",
    "backup",
    "diagnosis",
    "dialog_file",
    "distribution",
    "shards",
}

# Libraries of others that a package may use. The standard library is there for all, but see CORE_MAY_NOT.
LIBRARIES: dict[str, set[str]] = {
    "core": {"msgspec", "phonenumbers", "zxcvbn"},
    "storage": {"msgspec", "sqlalchemy", "alembic", "psycopg", "cryptography"},
    "rating": {"msgspec", "polars"},
    "switches": set(),
    "languages": {"babel", "jinja2"},
    "payments": {"msgspec", "stripe"},
    "notifications": {"jinja2", "msgspec"},
    "identity": {"authlib", "joserfc", "msgspec"},
    "documents": {"jinja2", "msgspec", "reportlab"},
    "reports": {"msgspec", "sqlalchemy", "polars"},
    "charging": {"msgspec"},
    "capacity": {"uvloop"},
    "actions": {"msgspec", "structlog"},
    "jobs": {"msgspec", "structlog"},
    "web": {"jinja2", "msgspec", "structlog", "prometheus_client"},
    "integrations": {"diameter", "httpx", "msgspec", "structlog"},
    "portal": {"babel", "jinja2", "markdown_it", "markupsafe", "msgspec", "segno", "structlog"},
    "cli": {"httpx", "msgspec", "rich", "structlog", "typer"},
    "settings": set(),
    "clock": set(),
    "observability": {"prometheus_client", "structlog"},
    "exposition": {"prometheus_client"},
    "alarms": {"msgspec"},
    "lately": {"prometheus_client"},
    "supervisor": {"structlog"},
    "tracing": {"opentelemetry"},
    "listening": set(),
    "leaving": set(),
    "app": set(),
    "server": {"uvicorn"},
}
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


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_what_its_package_may(path: Path) -> None:
    if path.name in ("__init__.py", "__main__.py"):
        return
    mine, names = package(path), imported(path)
    assert ours(names) - {mine} <= MAY_IMPORT[mine]
    others = {name.split(".")[0] for name in names} - {"talktime"} - sys.stdlib_module_names
    assert others <= LIBRARIES[mine]


def test_the_core_opens_nothing_and_looks_at_no_clock() -> None:
    tops = {name.split(".")[0] for path in modules() if package(path) == "core" for name in imported(path)}
    assert tops & CORE_MAY_NOT == set()


def test_every_package_is_in_the_table() -> None:
    assert {package(path) for path in modules()} - {"__init__", "__main__"} <= set(MAY_IMPORT)


def test_no_package_imports_one_that_imports_it() -> None:
    table = {name: ours(set().union(*map(imported, _of(name)))) - {name} for name in MAY_IMPORT}
    assert [(one, other) for one in table for other in _reached(table, one) if one in _reached(table, other)] == []


def _reached(table: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = set(table.get(start, ()))
    while ahead:
        one = ahead.pop()
        reached.add(one)
        ahead |= table.get(one, set()) - reached
    return reached


def _of(name: str) -> list[Path]:
    return [path for path in modules() if package(path) == name]


def test_init_files_are_empty() -> None:
    assert [path for path in SOURCE.rglob("__init__.py") if path.read_text().strip()] == []


def test_sql_is_written_in_storage_and_for_people_in_reports() -> None:
    drivers = {"sqlalchemy", "psycopg", "sqlite3"}
    users = [path for path in modules() if {name.split(".")[0] for name in imported(path)} & drivers]
    assert {package(path) for path in users} <= {"storage", "reports"}


def test_doors_know_values_of_the_storage_but_none_of_its_statements() -> None:
    taken = {name for path in modules() if package(path) in DOORS for name in imported(path)}
    names = [name.split(".") for name in taken if name.startswith("talktime.storage.")]
    wrong = [name for name in names if name[2] not in DOORS_MAY_USE and not name[-1][0].isupper()]
    assert wrong == []


def test_reports_write_nothing() -> None:
    taken = {name for path in _of("reports") for name in imported(path)}
    assert (
        taken & {"sqlalchemy.insert", "sqlalchemy.update", "sqlalchemy.delete", "talktime.storage.database.Tx"} == set()
    )
