import sys
from collections.abc import Iterator

import pytest

from tests.support.citus import NOT_RUN, real_cluster
from tests.support.postgres import Cluster, PostgresMissing, new_cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pooled", action="store_true", help="reach PostgreSQL through PgBouncer in transaction mode")


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """One server for the whole run, started by the first test that asks; it need not survive a power cut."""
    try:
        cluster = new_cluster(fsync=False)
    except PostgresMissing as missing:
        # Not a skip: a run without these tests would look like a run that passed them.
        pytest.fail(str(missing), pytrace=False)
    with cluster:
        if not request.config.getoption("--pooled"):
            yield cluster
            return
        from tests.support.pgbouncer import everything_pooled

        with everything_pooled(cluster):
            yield cluster


LAST = "tests/storage/test_one_shard.py"
"""It looks at the statements of its own journey, and at those of the tests before it in this process."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.nodeid.startswith(LAST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line("on a Citus cluster: python -m tests.citus" if real_cluster() else NOT_RUN)


def pytest_collection_finish() -> None:
    # Without a database among the modules under test there is nothing to record, and nothing to load.
    if "talktime.storage.database" in sys.modules:
        from tests.support.compiled import share
        from tests.support.statements import record

        record()
        share()
