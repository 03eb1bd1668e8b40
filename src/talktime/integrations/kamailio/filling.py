"""The folder from which a Kamailio runs: what is shipped, and what is filled in."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from talktime.integrations.kamailio.edge import Edge
from talktime.integrations.kamailio.phones import HEADING

MAIN = "kamailio.cfg"
SETTINGS, ADDRESSES, NUMBERS, PHONES, CALLS = "settings.cfg", "addresses", "numbers", "phones", "calls.sqlite"
YOURS = (NUMBERS, PHONES)
"""Lists that people write on; `--force` leaves them."""
FOLDER = "SWITCH_FOLDER"
SECRET = (SETTINGS, PHONES)
EMERGENCY = ("112", "911", "999")


def contents(edge: Edge) -> dict[str, str]:
    """Name and text of each file."""
    filled = {
        SETTINGS: "\n".join(_settings(edge)),
        ADDRESSES: "\n".join(_addresses(edge)),
        NUMBERS: "\n".join(_numbers()),
        PHONES: f"{HEADING}\n",
    }
    return _shipped(edge) | filled


def _shipped(edge: Edge) -> dict[str, str]:
    """Kamailio looks for what is included where it was started, so each place is written out."""
    folder = files("talktime.integrations.kamailio") / "folder"
    return {
        one.name: one.read_text().replace(FOLDER, str(edge.folder))
        for one in folder.iterdir()
        if one.name.endswith(".cfg")
    }


def _settings(edge: Edge) -> Iterator[str]:
    yield "# All that is yours. Made by `talktime kamailio init`. It holds the key: for its owner only."
    yield ""
    if edge.digest:
        yield "#!define WITH_DIGEST"
    if edge.url.startswith("https:"):
        yield "#!define WITH_TLS"
    yield ""
    door = edge.door
    yield from _parameter("url", edge.url, "where Talktime answers")
    yield from _parameter("key", edge.key, "a key with the scope calls")
    yield from _parameter("switch_name", edge.name, "the name of this switch")
    yield from _parameter("trunk", edge.trunks[0].place, "where calls go out")
    yield from _parameter("realm", edge.realm, "of digest authentication")
    yield from _parameter("conference_prefix", "", "calls that begin with these digits are dial-out of meetings")
    yield from _parameter("calls_per_second", 50, "new calls of one organization; more are refused")
    yield from _parameter("door_port", door.port if door else 0, "where the platform tells what to hang up")
    yield from _parameter("door_token", edge.door_token if door else "", "what it shows there")
    yield ""
    yield from (f"listen={one}" for one in edge.listen)
    if door:
        yield f"listen={door}"
    yield ""


def _parameter(name: str, value: str | int, what: str) -> Iterator[str]:
    shown = value if isinstance(value, int) else f'"{value}"'
    yield f'talktime.{name} = {shown} desc "{what}"'


def _addresses(edge: Edge) -> Iterator[str]:
    yield "# Who may send calls. After a change: POST /reload at the private door, or a restart."
    yield "# 1: organizations, 2: trunks. GROUP ADDRESS MASK PORT (0: any) ORGANIZATION[;CALL_TYPE]"
    yield from (one.line for one in edge.organizations)
    for host in dict.fromkeys(trunk.host for trunk in edge.trunks):
        yield f"2 {host} {128 if host.startswith('[') else 32} 0"
    yield ""


def _numbers() -> Iterator[str]:
    yield "number(str) call_type(str) organization(str,null) user(str,null) deliver(str,null)"
    yield from (f"{number},emergency,,," for number in EMERGENCY)
    yield ""
