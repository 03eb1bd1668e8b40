"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port of the loopback, without passwords.

    with new_cluster() as cluster:
        url = cluster.fresh_database()

It ends with the block, and also when the test process is killed: a watcher then ends it and removes the folder.
"""

import itertools
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, LiteralString, Self, TypedDict

import psutil
import psycopg
from psycopg import sql

from tests.support.ports import free_port

VERSION_LEAST = 15
SUPERUSER = "postgres"
ROLE = "talktime"
SECONDS_MAX = 60


class PostgresMissing(Exception):
    def __init__(self) -> None:
        needed = f"PostgreSQL {VERSION_LEAST} or newer"
        super().__init__(f"{needed} is not installed. Please run: scripts/system_packages.sh")


class PostgresFailed(Exception):
    """The server, or one of its tools, did not do what it was asked; the message carries what it said."""


def find_binaries(installed: Path = Path("/usr/lib/postgresql")) -> Path:
    """The folder with `initdb` and the rest: Debian's first, newest version first, then what PATH has."""
    folders = [folder for folder in installed.glob("*/bin") if (folder / "postgres").exists()]
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)

    newest_first = sorted(folders, key=_version, reverse=True)
    if not newest_first or _version(newest_first[0]) < VERSION_LEAST:
        raise PostgresMissing
    return newest_first[0]


def _version(binaries: Path) -> int:
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r"\d+", said)
    return int(number[0]) if number else 0


class Runner(TypedDict, total=False):
    """Arguments of Popen that say who runs a program and what it inherits."""

    user: int
    group: int
    extra_groups: list[int]
    env: dict[str, str]
    start_new_session: bool


def runner() -> Runner:
    # What is set for the tester's own databases must not reach the server of the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    # A session of its own: Ctrl-C in the terminal is for the tests, which then end the server themselves.
    runner = Runner(env=environment, start_new_session=True)
    if os.getuid() == 0:
        account = _unprivileged_account()
        runner |= Runner(user=account.pw_uid, group=account.pw_gid, extra_groups=[])
    return runner


def _unprivileged_account() -> pwd.struct_passwd:
    """PostgreSQL refuses to be root; its Debian package has made an account for it."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


class Cluster:
    """One server with its data. Make it with `new_cluster` or `standby_of`."""

    def __init__(self, *, fsync: bool) -> None:
        self._binaries = find_binaries()
        self._runner = runner()
        self.fsync = fsync
        self.port = free_port()
        self.front = self.port
        """Where clients connect: elsewhere when a pooler stands before it."""
        self.name = f"talktime_{self.port}"
        self.folder = Path(tempfile.mkdtemp(prefix="talktime-postgres-"))
        os.chown(self.folder, self._runner.get("user", -1), self._runner.get("group", -1))
        self._server: subprocess.Popen[bytes] | None = None
        self._watcher = self._watch()
        self._database_numbers = itertools.count(1)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """The postmaster's, for tests that freeze it or measure what it uses."""
        if self._server is None:
            raise PostgresFailed("the server is not running")
        return self._server.pid

    def process(self, kind: str) -> psutil.Process:
        """One of its processes by what PostgreSQL calls it, such as `walreceiver`, for tests that freeze it."""
        for process in psutil.Process(self.pid).children():
            if kind in " ".join(process.cmdline()):
                return process
        raise PostgresFailed(f"no process {kind}")

    # ------------------------------------------------------------------------------------------- where to connect

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@127.0.0.1:{self.front}/{database}"

    def superuser_url(self, database: str = "postgres") -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        return f"postgresql://{ROLE}@/{database}?host={self.folder}&port={self.port}"

    # ------------------------------------------------------------------------------------------- databases

    def fresh_database(self, copy_of: str = "template0") -> str:
        """A new database of the role's own, as a URL. `copy_of` names one to start from that nobody is connected to."""
        name = f"test_{next(self._database_numbers)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        self._command(statement.format(sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(copy_of)))
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """An empty database already takes 7 MB; connections to it are ended."""
        name = url.rpartition("/")[2]
        self._command(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _command(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            connection.execute(statement.as_bytes(connection))

    def _answer(self, query: LiteralString, *values: object) -> object:
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            row = connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    # ------------------------------------------------------------------------------------------- coming and going

    def start(self) -> None:
        """Start, and wait until it answers; after a crash that includes its recovery."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "cluster_name": self.name,
            "fsync": "on" if self.fsync else "off",
            "max_connections": 200,
            "timezone": "UTC",
        }
        # On the command line and not in the file, which a standby takes over from its primary.
        options = [f"-c{name}={value}" for name, value in settings.items()]
        with self.log.open("ab") as log:
            self._server = self._popen([self._binaries / "postgres", "-D", self.data, *options], output=log)
        wait_for("the server does not answer", self._answers)

    def stop(self, *, immediate: bool = False) -> None:
        """End it in good order; `immediate` leaves the recovery to the next start. Nothing happens when it is down."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
            # A test may have frozen it.
            self._server.send_signal(signal.SIGCONT)
            self._wait_for_its_end()

    def kill(self) -> None:
        """SIGKILL to the postmaster and all it started, as when a container ends. `start` then recovers."""
        postmaster = psutil.Process(self.pid)
        # Stopped first, so that it starts no further child between the look and the blow.
        postmaster.suspend()
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()

        self._wait_for_its_end()
        # A child that lives on would hold the shared memory, and the next start would refuse.
        wait_for("a process survived SIGKILL", lambda: not any(_is_alive(process) for process in family))

    def _wait_for_its_end(self) -> None:
        if self._server is not None:
            self._server.wait(SECONDS_MAX)
            self._server = None

    def remove(self) -> None:
        """End it and remove everything that was stored."""
        self.stop(immediate=True)
        # It closes the watcher's pipe, and so has it do its work.
        self._watcher.communicate(timeout=SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    # ------------------------------------------------------------------------------------------- standbys

    def promote(self) -> None:
        """Make this standby a primary, and wait until it takes writes."""
        if self._answer("SELECT pg_promote(true, %s)", SECONDS_MAX) is not True:
            raise PostgresFailed(f"not promoted in {SECONDS_MAX} s\n{self._last_words()}")

    def require_standby(self, name: str) -> None:
        """From now on a commit is answered only when that standby has it on disk as well."""
        # An ALTER SYSTEM is no transaction, so it does not wait for the standby that it names.
        self._command(sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(sql.Literal(f'"{name}"')))
        self._command(sql.SQL("SELECT pg_reload_conf()"))
        self.wait_for_standby(name, "sync")

    def wait_for_standby(self, name: str, sync_state: str) -> None:
        query = "SELECT sync_state FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
        wait_for(f"{name} is not connected as {sync_state}", lambda: self._answer(query, name) == sync_state)

    # ------------------------------------------------------------------------------------------- making one

    def initialize(self) -> None:
        # C and UTF-8: sorted the same on every machine. Not flushed: nothing of value is in it yet.
        self._tool("initdb", "--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--no-locale", "--no-sync")

    def copy_from(self, primary: "Cluster") -> None:
        self._tool("pg_basebackup", "-d", primary.superuser_url(), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        # The primary may itself be waiting for a standby; once promoted, this server waits for none.
        with (self.data / "postgresql.auto.conf").open("a") as settings:
            settings.write("synchronous_standby_names = ''\n")

    def add_role(self) -> None:
        self._command(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER").format(sql.Identifier(ROLE)))

    def _tool(self, name: str, *arguments: str) -> None:
        command: list[str | Path] = [self._binaries / name, "-D", self.data, *arguments]
        with self._popen(command, output=subprocess.PIPE) as process:
            said, _ = process.communicate(timeout=SECONDS_MAX)
        if process.returncode != 0:
            raise PostgresFailed(said.decode())

    def _popen(
        self,
        command: Sequence[str | Path],
        stdin: int = subprocess.DEVNULL,
        output: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, cwd=self.folder, stdin=stdin, stdout=output, stderr=subprocess.STDOUT, **self._runner
        )

    def _watch(self) -> subprocess.Popen[bytes]:
        # The pipe ends with this process, however that ends. Not PR_SET_PDEATHSIG: that one also strikes when only the
        # thread ends that started the server, and it would leave the folder.
        stop = shlex.join([str(self._binaries / "pg_ctl"), "-D", str(self.data), "-m", "immediate", "stop"])
        script = f"cat; {stop}; rm -rf {shlex.quote(str(self.folder))}"
        return self._popen(["sh", "-c", script], stdin=subprocess.PIPE)

    def _answers(self) -> bool:
        if self._server is None or self._server.poll() is not None:
            raise PostgresFailed(self._last_words())
        try:
            psycopg.connect(self.superuser_url()).close()
        except psycopg.OperationalError:
            return False
        return True

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


def new_cluster(*, fsync: bool = True) -> Cluster:
    """A running server with the login role `talktime`. Without `fsync` it is quicker, and may forget in a power cut."""
    cluster = Cluster(fsync=fsync)
    with _removed_on_failure(cluster):
        cluster.initialize()
        cluster.start()
        cluster.add_role()
    return cluster


@contextmanager
def cluster_on_demand() -> Iterator[Callable[[], Cluster]]:
    """One server for whoever asks first and all who ask later; none when nobody does."""
    with ExitStack() as stack:
        yield cache(lambda: stack.enter_context(new_cluster()))


def standby_of(primary: Cluster, *, synchronous: bool = True) -> Cluster:
    """A running copy that follows. While it is synchronous, the primary answers no commit without it."""
    standby = Cluster(fsync=primary.fsync)
    with _removed_on_failure(standby):
        standby.copy_from(primary)
        standby.start()
        primary.wait_for_standby(standby.name, "async")
        if synchronous:
            primary.require_standby(standby.name)
    return standby


@contextmanager
def _removed_on_failure(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    except BaseException:
        cluster.remove()
        raise


def _is_alive(process: psutil.Process) -> bool:
    # In a container where nobody reaps orphans, the dead stay listed for ever.
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(what_went_wrong: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not is_so():
        if time.monotonic() > deadline:
            raise PostgresFailed(f"{what_went_wrong} after {SECONDS_MAX} s")
        time.sleep(0.02)
