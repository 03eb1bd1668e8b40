"""Every command of the operating guide is run, word by word."""

from __future__ import annotations

import ast
import re
import subprocess
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from tests.operating.guides import (
    ELSEWHERE,
    EMBEDDED,
    FOLDER,
    FOLLOWED,
    GUIDES,
    NO_COMMANDS,
    STARTS,
    WITH_COMMANDS,
    Block,
    Start,
    blocks_in,
    commands_in,
    inside_functions,
    named,
    the_command,
)
from tests.operating.machine import Machine
from tests.operating.stand_ins import PROGRAMS, REASONS
from tests.support.postgres import Cluster


@pytest.mark.slow
@pytest.mark.parametrize("guide", FOLLOWED, ids=named)
def test_a_guide_can_be_followed_word_by_word(guide: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    start = STARTS.get(named(guide), Start())
    machine = Machine(tmp_path, fresh_database(request) if start.on_postgres else None)
    before = []
    if start.installed:
        machine.install(start.settings)
        before = [the_command(), *([f"systemctl enable --now {start.units}"] if start.running else [])]
    blocks = [block.text for block in commands_in(guide)]
    assert len(machine.follow([*before, *blocks])) == len(before) + len(blocks)


def fresh_database(request: pytest.FixtureRequest) -> str:
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.fresh_database()


def test_what_is_typed_stands_in_blocks_that_are_run() -> None:
    """A block without a language, or in one that nobody runs here, could hide a command."""
    languages = {(named(guide), block.language) for guide in GUIDES for block in blocks_in(guide)}
    assert {one for one in languages if one[1] not in NO_COMMANDS | {"sh"}} == set()


def test_what_a_program_prints_hides_no_command() -> None:
    typed = {word for guide in GUIDES for block in commands_in(guide) for word in first_words(block)}
    printed = [block for guide in GUIDES for block in blocks_in(guide) if block.language == "text"]
    assert [word for block in printed for word in first_words(block) if word in typed] == []


def first_words(block: Block) -> list[str]:
    """Of each line; what only says who runs the program comes before it."""
    return re.findall(r"^ *(?:exec |sudo )?(\w[\w.-]*)", block.text, re.MULTILINE)


def test_no_fence_is_overlooked() -> None:
    for guide in GUIDES:
        fences = [line for line in guide.read_text().splitlines() if line.lstrip().startswith(("```", "~~~"))]
        assert len(fences) == 2 * len(blocks_in(guide)), named(guide)


@pytest.mark.parametrize("module", sorted({*ELSEWHERE.values()}))
def test_guides_that_others_follow_are_taken_there_block_by_block(module: str) -> None:
    guides = [FOLDER / name for name, follower in ELSEWHERE.items() if follower == module]
    there = [block.text for guide in guides for block in commands_in(guide)]
    taken = import_module(module)
    assert sorted(taken.TAKEN) == sorted(there)
    assert put_aside(taken, there) == []


def put_aside(module: ModuleType, blocks: list[str]) -> list[str]:
    """Names of blocks that no function asks for."""
    used = {node.id for node in inside_functions(Path(str(module.__file__))) if isinstance(node, ast.Name)}
    return [name for name, value in vars(module).items() if value in blocks and name not in used]


def test_the_tables_name_guides_that_there_are() -> None:
    there = set(map(named, WITH_COMMANDS))
    assert {*STARTS, *ELSEWHERE} - there == set()


def test_every_program_that_is_not_the_real_one_says_why() -> None:
    assert {*PROGRAMS, "sudo"} == set(REASONS)


def test_a_block_that_fails_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="would not take"):
        Machine(tmp_path).follow(["sudo systemctl destroy talktime | cat"])


@pytest.mark.parametrize("goes_on", ("|| true", '| grep failed || echo "none"', "2> /dev/null || true"))
def test_a_refusal_is_noticed_where_the_guide_goes_on_after_it(tmp_path: Path, goes_on: str) -> None:
    with pytest.raises(AssertionError, match="would not take"):
        Machine(tmp_path).follow([f"sudo systemctl destroy talktime {goes_on}"])


@pytest.mark.parametrize(
    "command",
    (
        "systemctl start talktimes",
        "systemctl start 'talktime*'",
        "systemctl status 'talktimes*'",
        "/opt/talktime/bin/pip install talktime",
        "cd dist && /opt/talktime/bin/pip install --quiet --require-hashes --requirement others.txt",
        "systemctl --forever start nginx",
        "apt-get install",
        "apt-get install 'Not a package'",
        "apt-get remove nginx",
        "journalctl --forever",
        "journalctl --vacuum-size=much",
        "systemd-run --property talktime",
    ),
)
def test_stand_ins_take_only_what_the_real_ones_would(tmp_path: Path, command: str) -> None:
    machine = Machine(tmp_path)
    machine.install()
    with pytest.raises(AssertionError, match="would not take"):
        machine.follow([command])


def test_what_does_not_run_is_not_started_again_but_by_who_starts_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.install(EMBEDDED)
    told = machine.follow(
        ["systemctl try-restart talktime", "systemctl stop 'talktime@*'; systemctl is-active talktime || true"]
    )
    assert told[1] == "talktime.service: inactive\n"


def test_the_command_may_write_where_the_backups_are(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.install((*EMBEDDED, "TALKTIME_BACKUPS=/srv/backups/talktime"))
    (tmp_path / "bin/systemd-run").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    told = machine.follow(
        [the_command(), "sudo talktime backup", "> /etc/talktime/talktime.env", "sudo talktime backup"]
    )
    assert f"--property=ReadWritePaths=-{tmp_path}/srv/backups/talktime" in told[1].splitlines()
    assert "ReadWritePaths" not in told[3] and "" not in told[3].splitlines()


def test_the_command_for_a_container_goes_into_the_one_that_runs_or_else_to_its_volume(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "bin/podman").write_text('#!/bin/sh\ntest "$1" != container || exec test -e running\necho "$@"\n')
    (tmp_path / "bin/podman").chmod(0o755)
    told = machine.follow([the_command("podman"), "sudo talktime verify", "touch running; sudo talktime verify"])
    assert told[2] == "exec --interactive talktime talktime verify\n"
    assert told[1].startswith("run --rm ") and told[1].endswith(" talktime verify\n")
    assert f" --volume talktime:{tmp_path}/var/lib/talktime " in told[1]


def test_rules_of_a_firewall_that_are_wrong_are_refused(tmp_path: Path) -> None:
    """Where this machine lets anybody judge them."""
    machine = Machine(tmp_path)
    (tmp_path / "wrong.nft").write_text("table inet talktime { chain input { policy perhaps; } }\n")
    told = subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True)
    if told.returncode:
        assert "nothing is judged" in machine.follow(["nft -f wrong.nft"])[0]
    else:
        with pytest.raises(AssertionError, match="syntax error"):
            machine.follow(["nft -f wrong.nft"])
