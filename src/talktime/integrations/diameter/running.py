"""All parts of the door together, for as long as it is open."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from time import time

from talktime.core.call_types import CallType
from talktime.integrations.diameter.calls import Calls
from talktime.integrations.diameter.charging import Charging
from talktime.integrations.diameter.clients import Account, CannotUse, Directory, Guests, directory_of, peer_of
from talktime.integrations.diameter.messages import Identity
from talktime.integrations.diameter.node import WATCHDOG_SECONDS, Node
from talktime.integrations.platform import Platform

PATIENCE_SECONDS = 1.8
"""For one question to the platform: a client of ours hears after two seconds at most that there is no answer."""
_SWITCH = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,253}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    realm: str
    peers: Sequence[str] = ()
    relays: Sequence[str] = ()
    organizations: Sequence[str] | None = None
    """The lines of the file; None: the key is an organization's own."""
    call_type: CallType = CallType.USER_OUT
    watchdog_seconds: float = WATCHDOG_SECONDS
    switch: str = "diameter"
    """What the platform calls this door."""


def answer(url: str, key: str, host: str, port: int, options: Options, announce: Callable[[str, int], None]) -> None:
    """Until SIGTERM or SIGINT; what is to be reported is reported before it ends."""
    identity = Identity(_name(options.host), _name(options.realm), int(time()))
    guests = _guests(options, host)
    directory = _directory(options)
    switch = _switch(options.switch)
    with Platform(url, key, PATIENCE_SECONDS) as platform:
        charging = Charging(Calls(platform, switch), directory)
        try:
            node = Node(identity, guests, charging, options.watchdog_seconds)
            asyncio.run(node.serve(host, port, announce))
        finally:
            charging.close()


def _name(said: str) -> str:
    if not _NAME.fullmatch(said.lower()):
        raise CannotUse(f"{said!r} is no name of a Diameter host or realm")
    return said.lower()


def _switch(said: str) -> str:
    if not _SWITCH.fullmatch(said):
        raise CannotUse(f"{said!r} is no name of a switch: up to 64 letters, digits, dots, dashes")
    return said


def _guests(options: Options, host: str) -> Guests:
    peers = [*(peer_of(one) for one in options.peers), *(peer_of(one, may_relay=True) for one in options.relays)]
    if not peers and not _is_loopback(host):
        raise CannotUse(f"{host} is reached from other machines: say with --peer or --relay who may connect")
    return Guests(peers)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _directory(options: Options) -> Directory:
    if options.organizations is None:
        return Directory({}, Account(None, options.call_type))
    return directory_of(options.organizations, options.call_type)
