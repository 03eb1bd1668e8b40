"""The file in which a Kamailio keeps its calls, so that they outlive a crash. Only Kamailio reads and writes it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# What its module `dialog` of version 5.6 expects, and the versions of tables that it checks.
# The journal mode stays with the file: readers and a writer do not wait for each other.
_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE version (id INTEGER PRIMARY KEY, table_name TEXT NOT NULL UNIQUE, table_version INTEGER NOT NULL);
INSERT INTO version (table_name, table_version) VALUES ('version', 1), ('dialog', 7), ('dialog_vars', 1);
CREATE TABLE dialog (
    id INTEGER PRIMARY KEY,
    hash_entry INTEGER NOT NULL, hash_id INTEGER NOT NULL,
    callid TEXT NOT NULL,
    from_uri TEXT NOT NULL, from_tag TEXT NOT NULL, to_uri TEXT NOT NULL, to_tag TEXT NOT NULL,
    caller_cseq TEXT NOT NULL, callee_cseq TEXT NOT NULL,
    caller_route_set TEXT, callee_route_set TEXT,
    caller_contact TEXT NOT NULL, callee_contact TEXT NOT NULL,
    caller_sock TEXT NOT NULL, callee_sock TEXT NOT NULL,
    state INTEGER NOT NULL, start_time INTEGER NOT NULL, timeout INTEGER NOT NULL DEFAULT 0,
    sflags INTEGER NOT NULL DEFAULT 0, iflags INTEGER NOT NULL DEFAULT 0,
    toroute_name TEXT, req_uri TEXT NOT NULL, xdata TEXT
);
CREATE INDEX dialog_by_hash ON dialog (hash_entry, hash_id);
CREATE TABLE dialog_vars (
    id INTEGER PRIMARY KEY,
    hash_entry INTEGER NOT NULL, hash_id INTEGER NOT NULL,
    dialog_key TEXT NOT NULL, dialog_value TEXT NOT NULL
);
CREATE INDEX dialog_vars_by_hash ON dialog_vars (hash_entry, hash_id);
"""


def make_dialog_file(path: Path) -> None:
    """Empty, for its owner only. What is there already stays: calls may be in progress."""
    if path.exists():
        return
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_TABLES)
