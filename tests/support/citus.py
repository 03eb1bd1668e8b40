"""A Citus cluster, if the tester has one; and what stands in for its coordinator where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg

from tests.support.postgres import Cluster

VARIABLE = "TALKTIME_TEST_CITUS"
NOT_RUN = f"not run on a Citus cluster: {VARIABLE} names none"
_STAND_IN = Path(__file__).with_suffix(".sql").read_text()


def real_cluster() -> str | None:
    """The URL of an empty database on the coordinator, with the extension and its workers."""
    return os.environ.get(VARIABLE) or None


def stand_in(cluster: Cluster) -> str:
    """The URL of a plain database that answers `talktime database distribute` as a coordinator does."""
    url = cluster.fresh_database()
    name = url.rpartition("/")[2]
    with psycopg.connect(cluster.superuser_url(name)) as connection:
        connection.execute(_STAND_IN.encode())
    return url
