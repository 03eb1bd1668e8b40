"""Programs that a guide calls and a test cannot: they would change the tester's machine. What they are told is judged.

Each is a file in the path of the guide's shell; but for `sudo`, a few lines of shell, what it runs is
`python -m tests.operating.stand_ins NAME ...`. The machine that they act on is the folder `TALKTIME_MACHINE`.
What they refuse they also write down there: a guide may go on after a command that fails (`|| true`), a test must not.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

from tests.operating.services import OTHERS, Services, environment_of

REASONS = {
    "sudo": "a tester may not be root; what stands behind it is run, as whoever tests",
    "systemctl": "there is no systemd in most places where tests run; units of ours are really started and stopped",
    "systemd-run": "the same; the program is run with the settings of the units' environment file",
    "journalctl": "the same; it prints what our units have said",
    "apt-get": "a test installs nothing; names and options are judged",
    "pip": "a test installs nothing; the list must be one that `make dist` writes",
    "nft": "a test changes no firewall; `nft --check` judges the rules in a network of its own, where that is allowed",
    "nginx": "the real one judges the configuration, moved to this machine's folder",
}
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
ON_UNITS = {"enable", "disable", "start", "stop", "restart", "try-restart", "reload", "status", "is-active"}
VERBS = {"daemon-reload", "list-timers"} | ON_UNITS
OF_THOSE_THERE_ARE = {"status", "stop"}
"""With a pattern they mean what runs; to start somebody, one has to say whom."""
JOURNAL = re.compile(
    r"-[ufnpo]|--(unit|lines|since|until|output|no-pager|follow|grep)(=.*)?|-n\d+|--vacuum-size=\d+[KMGT]"
)

LISTS = {"requirements.txt", "requirements-tracing.txt"}
REFUSED = "refused"
"""The file of the machine in which it stands."""


class Wrong(Exception):
    """The real program would not take this."""


def systemctl(words: Sequence[str], machine: Path) -> int:
    verb, *units = [word for word in words if not word.startswith("-")]
    check({word for word in words if word.startswith("-")} <= {"--now", "--quiet", "--no-pager"}, words)
    check(verb in VERBS, words)
    services = Services(machine)
    for name in map(with_kind, units):
        known = any(map(services.knows, services.named(name))) or services.is_of_a_template(name)
        check(name in OTHERS or known, [*words, f"there is no unit {name}"])
        check("*" not in name or verb in OF_THOSE_THERE_ARE, [*words, "who starts says what"])
    asked = [one for unit in units for one in services.named(with_kind(unit))]
    own = [name for name in asked if name not in OTHERS and name.endswith(".service")]
    return max([services.told(verb, name, now="--now" in words) for name in own], default=0)


def with_kind(unit: str) -> str:
    return unit if "." in unit else f"{unit}.service"


def systemd_run(words: Sequence[str], machine: Path) -> NoReturn:
    own = list(takewhile(lambda word: word.startswith("--"), words))
    known = re.compile(r"--(quiet|pipe|wait|collect|(property|setenv|working-directory)=.+)")
    check(all(known.fullmatch(word) for word in own) and len(own) < len(words), words)
    for folder in (word.partition("=")[2] for word in own if word.startswith("--working-directory=")):
        # It is made for the unit before.
        Path(folder).mkdir(parents=True, exist_ok=True)
        os.chdir(folder)
    given = [word.partition("=")[2] for word in own if word.startswith("--setenv=")]
    environment = environment_of(machine) | dict(one.split("=", 1) for one in given)
    os.execvpe(words[len(own)], list(words[len(own) :]), environment)


def journalctl(words: Sequence[str], machine: Path) -> int:
    before = ["", *words]
    # A time before now looks like an option.
    own = [word for word, said in zip(words, before, strict=False) if said not in ("--since", "--until")]
    check(all(JOURNAL.fullmatch(word) for word in own if word.startswith("-")), words)
    units = [words[place + 1] for place, word in enumerate(words) if word in ("-u", "--unit")]
    services = Services(machine)
    for name in [one for unit in units for one in services.named(with_kind(unit)) or [unit]]:
        check(services.knows(name) or name in OTHERS, words)
        print(services.said(name), end="")
    return 0


def apt_get(words: Sequence[str], machine: Path) -> int:
    check({word for word in words if word.startswith("-")} <= {"-y", "--yes", "-q", "--no-install-recommends"}, words)
    verb, *names = [word for word in words if not word.startswith("-")]
    check(verb in ("update", "install"), words)
    check(bool(names) == (verb == "install") and all(PACKAGE.fullmatch(name) for name in names), words)
    return 0


def pip(words: Sequence[str], machine: Path) -> int:
    check(list(words[:-1]) == ["install", "--quiet", "--require-hashes", "--requirement"], words)
    check(words[-1] in LISTS and Path(words[-1]).exists(), words)
    return 0


def nft(words: Sequence[str], machine: Path) -> int:
    apart = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*apart, "true"], capture_output=True).returncode:
        print("nothing is judged: there are no networks of one's own here")
        return 0
    checked = words if "--check" in words else ["--check", *words]
    return subprocess.run([*apart, "/usr/sbin/nft", *checked]).returncode


def nginx(words: Sequence[str], machine: Path) -> NoReturn:
    from tests.operating.machine import moved
    from tests.support.nginx import configured
    from tests.support.ports import free_port

    check(list(words) == ["-t"], words)
    # It tries to listen: on 80 and 443 only root may.
    ports = {port: str(free_port()) for port in ("80", "443")}
    sites = [moved(path.read_text(), machine, ports) for path in sorted((machine / "etc/nginx/conf.d").glob("*.conf"))]
    command = configured(machine, sites)
    os.execv(command[0], [*command, "-t"])


def check(right: bool, words: Sequence[str]) -> None:
    if not right:
        raise Wrong(" ".join(words))


PROGRAMS: dict[str, Callable[[Sequence[str], Path], int]] = {
    "systemctl": systemctl,
    "systemd-run": systemd_run,
    "journalctl": journalctl,
    "apt-get": apt_get,
    "pip": pip,
    "nft": nft,
    "nginx": nginx,
}


def main() -> None:
    name, *words = sys.argv[1:]
    machine = Path(os.environ["TALKTIME_MACHINE"])
    try:
        sys.exit(PROGRAMS[name](words, machine))
    except Wrong as error:
        said = f"{name} would not take this: {error}"
        with (machine / REFUSED).open("a") as written:
            written.write(f"{said}\n")
        sys.exit(said)


if __name__ == "__main__":
    main()
