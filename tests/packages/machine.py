"""A fresh Debian 12 with systemd and a network of its own, for guides that are followed word by word.

mmdebstrap makes it, Podman runs it, and it is gone with all that runs in it when the block ends.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.shell import told_by

ROOT = Path(__file__).parents[2]
SOURCE = "/root/talktime"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
SECONDS_MAX = 3600.0
MACHINE = ("podman", "exec", "--interactive", "--workdir", SOURCE, "--env", "BUILDAH_ISOLATION=chroot", "fresh")
# Podman sets aside more than a machine may have that is virtual itself.
LIMITS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=4096:4096"]
cgroups = "disabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""
# Whatever is mounted, started and listened on is seen in here alone, and ends with its first process. Old and new
# control groups side by side, as some machines have them, are nothing for Podman.
OWN_VIEW = """
umount --recursive /sys/fs/cgroup
mount --types cgroup2 none /sys/fs/cgroup
mount --types tmpfs none /dev/shm
echo there
exec sleep infinity
"""

# Before its first process listens, nobody can ask it.
STARTED = """
until test -S /run/systemd/private; do sleep 0.1; done
systemctl is-system-running --wait
"""


def make_image(folder: Path) -> None:
    """Of a Debian with an init and nothing that the guide installs."""
    _write_settings(folder)
    packages = "--include=init,ca-certificates"
    _run(["mmdebstrap", "--quiet", "--variant=minbase", packages, "bookworm", str(folder / "fresh.tar")], folder)
    recipe = folder / "Containerfile"
    recipe.write_text("FROM scratch\nADD fresh.tar /\n")
    _run(["buildah", "build", "--isolation", "chroot", "--tag", "fresh", "--file", str(recipe), str(folder)], folder)


def _write_settings(folder: Path) -> None:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    (folder / "containers.conf").write_text(LIMITS.format(files=files, folder=folder))
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    # What is built in there trusts whom this machine trusts.
    (folder / "mounts.conf").write_text(f"{CERTIFICATES.parent}:{CERTIFICATES.parent}\n")


class Machine:
    def __init__(self, view: Sequence[str], environment: dict[str, str]) -> None:
        self._view, self._environment = view, environment

    def told(self, blocks: Sequence[str]) -> list[str]:
        """What each block printed; all must succeed, command by command."""
        within = [*self._view, *MACHINE]
        return told_by(blocks, ROOT, {}, self._environment, "-euo", "pipefail", within=within, seconds=SECONDS_MAX)


@contextmanager
def fresh_machine(folder: Path, own: Path) -> Iterator[Machine]:
    """`folder`: where its image is; `own`: what is this machine's alone."""
    environment = _environment(folder)
    with _own_view() as view:
        _run(
            [*view, "podman", "run", "--detach", "--name", "fresh", *_options(folder, own), "fresh", "/sbin/init"],
            folder,
        )
        machine = Machine(view, environment)
        try:
            machine.told([STARTED])
            yield machine
        finally:
            _run([*view, "podman", "rm", "--force", "--time", "1", "fresh"], folder)


@contextmanager
def _own_view() -> Iterator[list[str]]:
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc", OWN_VIEW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout
            assert parent.stdout.readline() == "there\n"
            first = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().strip()
            yield ["nsenter", "--target", first, "--mount", "--pid"]
        finally:
            parent.kill()


def _options(folder: Path, own: Path) -> Iterator[str]:
    source, images, cache = own / "source", own / "containers", Path.home() / ".cache" / "pip"
    _run(["git", "checkout-index", "--all", f"--prefix={source}/"], folder)
    for one in (images, cache):
        one.mkdir(parents=True, exist_ok=True)
    mounts = {
        source: SOURCE,
        images: "/var/lib/containers",
        cache: "/root/.cache/pip",
        CERTIFICATES: f"{CERTIFICATES}:ro",
        folder / "containers.conf": "/etc/containers/containers.conf",
        folder / "mounts.conf": "/etc/containers/mounts.conf",
    }
    yield from ("--systemd=always", "--privileged", "--network", "slirp4netns")
    yield from (f"--volume={here}:{there}" for here, there in mounts.items())


def _environment(folder: Path) -> dict[str, str]:
    settings = {"CONTAINERS_CONF": folder / "containers.conf", "CONTAINERS_STORAGE_CONF": folder / "storage.conf"}
    return {**os.environ, **{name: str(path) for name, path in settings.items()}}


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=ROOT, env=_environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
