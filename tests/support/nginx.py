"""Debian's nginx with sites of ours, in a folder of the tests and with nothing of the machine's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS_MAX = 60.0
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def program() -> str:
    found = shutil.which("nginx", path=f"/usr/sbin:/usr/local/sbin:{os.environ['PATH']}")
    assert found, "there is no nginx: `make packages` installs it"
    return found


def configured(folder: Path, sites: Sequence[str]) -> list[str]:
    """The command; what a site says of IPv6 is left out where the machine has none."""
    (folder / "nginx").mkdir(exist_ok=True)
    main = folder / "nginx" / "nginx.conf"
    places = "".join(f"{kind}_temp_path {folder}/nginx;" for kind in TEMPORARY)
    inside = "\n".join(sites) if has_ipv6() else "\n".join(sites).replace("listen [::]:", "# listen [::]:")
    user = "user root;" if os.getuid() == 0 else ""
    main.write_text(f"{user} pid {folder}/nginx/pid; events {{}}\nhttp {{ access_log off; {places}\n{inside}\n}}\n")
    return [program(), "-p", str(folder), "-e", "stderr", "-c", str(main)]


def has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@contextmanager
def nginx(folder: Path, sites: Sequence[str], port: int) -> Iterator[None]:
    """Until the block ends. `port`: where it must answer before anybody asks."""
    command = configured(folder, sites)
    with subprocess.Popen([*command, "-g", "daemon off;"], stdin=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS_MAX
    while True:
        assert process.poll() is None and time.monotonic() < until, "nginx did not start"
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.02)
