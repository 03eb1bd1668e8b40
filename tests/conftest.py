from collections.abc import Iterator

import pytest

from tests.support.postgres import Cluster, PostgresMissing, new_cluster


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One server for the whole run, started by the first test that asks; it need not survive a power cut."""
    try:
        cluster = new_cluster(fsync=False)
    except PostgresMissing as missing:
        # Not a skip: a run without these tests would look like a run that passed them.
        pytest.fail(str(missing), pytrace=False)
    with cluster:
        yield cluster
