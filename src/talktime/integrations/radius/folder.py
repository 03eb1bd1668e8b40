"""FreeRADIUS' folder, filled in: the files are shipped beside this module."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

SECRET = frozenset({"key.conf", "clients.conf"})
NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
HARMLESS = re.compile(r"[A-Za-z0-9@+._-]{0,128}")
"""What may stand between quotation marks without a meaning of its own."""
PLACE = re.compile(r"@([a-z_]+)@")


@dataclass(frozen=True, slots=True)
class Gateway:
    name: str
    address: str
    """Or a network, as in 192.0.2.0/24."""
    secret: str


@dataclass(frozen=True, slots=True)
class Filling:
    url: str
    key: str
    gateways: Sequence[Gateway]
    listen: str = "127.0.0.1"
    auth_port: int = 1812
    acct_port: int = 1813
    organization: str = ""
    call_type: str = "user_out"
    user: str = ""
    emergency: Sequence[str] = ("112", "911")
    plain: bool = False
    """Digits alone are an international number."""


def filled(filling: Filling) -> Mapping[str, str]:
    """The text of each file by its name."""
    values = {
        "url": filling.url.rstrip("/"),
        "key": filling.key,
        "clients": "".join(_client(gateway, filling) for gateway in filling.gateways),
        "listen": filling.listen,
        "auth_port": str(filling.auth_port),
        "acct_port": str(filling.acct_port),
        "emergency": "|".join(filling.emergency),
        "plain": "" if filling.plain else "#",
    }
    return {name: PLACE.sub(lambda found: values[found[1]], text) for name, text in _shipped().items()}


def _shipped() -> Mapping[str, str]:
    folder = files("talktime.integrations.radius") / "freeradius"
    return {file.name: file.read_text() for file in folder.iterdir() if not file.name.startswith("_")}


def _client(gateway: Gateway, filling: Filling) -> str:
    kind = "ipv6addr" if ":" in gateway.address else "ipv4addr"
    return f"""
client {gateway.name} {{
	{kind} = {gateway.address}
	shortname = {gateway.name}
	secret = "{gateway.secret}"
	require_message_authenticator = yes
	talktime_organization = "{filling.organization}"
	talktime_call_type = "{filling.call_type}"
	talktime_user = "{filling.user}"
}}
"""


def write(texts: Mapping[str, str], to: Path) -> None:
    """What holds a secret is for its owner alone from its first byte on."""
    to.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        file = to / name
        file.unlink(missing_ok=True)
        file.touch(mode=0o600 if name in SECRET else 0o644)
        file.write_text(text)
