"""What a Kamailio is told about its place in the world. All of it ends in a configuration, so each value is checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

CUT_PATH = "/cut"


class BadValue(Exception):
    """A sentence for whoever gave it."""


@dataclass(frozen=True, slots=True)
class Organization:
    """Whoever sends from there calls for this organization."""

    id: str
    network: IPv4Network | IPv6Network
    call_type: str

    @property
    def line(self) -> str:
        """As it stands in the file `addresses`, group 1."""
        tag = self.id if self.call_type == "user_out" else f"{self.id};{self.call_type}"
        return f"1 {_host(self.network.network_address)} {self.network.prefixlen} 0 {tag}"


@dataclass(frozen=True, slots=True)
class Socket:
    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{self.host}:{self.port}"

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Edge:
    folder: Path
    name: str
    url: str
    realm: str
    key: str
    listen: tuple[Socket, ...]
    trunks: tuple[Socket, ...]
    organizations: tuple[Organization, ...]
    digest: bool
    door: Socket | None
    """Where the platform tells what to hang up."""
    door_token: str


def name_of(text: str) -> str:
    return _matching(text, r"[A-Za-z0-9._-]{1,64}", "name: 1 to 64 letters, digits, dots, dashes or underscores")


def realm_of(text: str) -> str:
    return _matching(text, r"[A-Za-z0-9.-]{1,64}", "realm: 1 to 64 letters, digits, dots or dashes")


def key_of(text: str) -> str:
    return _matching(text.strip(), r"tt_[A-Za-z0-9_-]{8,200}", "key: it begins with tt_live_ or tt_test_")


def folder_of(path: Path) -> Path:
    whole = path.expanduser().absolute()
    _matching(
        str(whole), r"/[A-Za-z0-9._/-]+", "folder: Kamailio reads only letters, digits, dots and dashes in its path"
    )
    return whole


def url_of(text: str) -> str:
    parts = _parts(text, "url")
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise BadValue(f"url: http://HOST:PORT or https://HOST:PORT, not {text!r}")
    return text.rstrip("/")


def door_of(text: str) -> Socket:
    parts = _parts(text, "cut-url")
    host = "127.0.0.1" if parts.hostname == "localhost" else parts.hostname
    if parts.scheme != "http" or parts.path != CUT_PATH or not host or not parts.port:
        raise BadValue(f"cut-url: http://ADDRESS:PORT{CUT_PATH}, an address of this machine, not {text!r}")
    return Socket("tcp", _host(_address(host, "cut-url")), parts.port)


def listen_of(text: str) -> Socket:
    transport, _, rest = text.partition(":") if text[:4] in ("udp:", "tcp:") else ("udp", "", text)
    return _socket(transport, rest, "listen")


def trunk_of(text: str) -> Socket:
    return _socket("udp", text, "trunk")


def organization_of(text: str) -> Organization:
    """ORG=ADDRESS[/MASK], or ORG:CALL_TYPE=ADDRESS[/MASK]"""
    who, equals, where = text.partition("=")
    org, _, call_type = who.partition(":")
    if not equals:
        raise BadValue(f"organization: ORG=ADDRESS or ORG=ADDRESS/MASK, not {text!r}")
    _matching(org, r"org_[A-Za-z0-9]{1,60}", "organization: its id begins with org_")
    _matching(
        call_type or "user_out", r"[a-z_]{1,32}_out[a-z_]{0,32}", "organization: a type of outgoing calls, as user_out"
    )
    try:
        return Organization(org, ip_network(where, strict=False), call_type or "user_out")
    except ValueError as error:
        raise BadValue(f"organization: {error}") from error


def _socket(transport: str, text: str, what: str) -> Socket:
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = text, "5060"
    if not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65_535:
        raise BadValue(f"{what}: a port is a number from 1 to 65535, not {port!r}")
    return Socket(transport, _host(_address(host.strip("[]"), what)), int(port))


def _address(text: str, what: str) -> object:
    try:
        return ip_address(text)
    except ValueError as error:
        raise BadValue(f"{what}: an address as 192.0.2.10, not {text!r}") from error


def _host(address: object) -> str:
    return f"[{address}]" if ":" in str(address) else str(address)


def _parts(text: str, what: str) -> SplitResult:
    _matching(text, r"[A-Za-z0-9._:/\[\]-]{1,500}", f"{what}: an address that begins with http")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise BadValue(f"{what}: {error}") from error
    if not parts.hostname:
        raise BadValue(f"{what}: there is no host in {text!r}")
    return parts


def _matching(text: str, pattern: str, sentence: str) -> str:
    if re.fullmatch(pattern, text) is None:
        raise BadValue(f"{sentence}, not {text[:200]!r}")
    return text
