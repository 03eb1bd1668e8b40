"""Which addresses a webhook may have: nobody makes us ask servers that stand behind our own walls."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a network without IPv4 says them."""


class Internal(Exception):
    """It is no address out in the world."""


def is_internal(address: str) -> bool:
    """Loopback, private, link-local, multicast, reserved, however it is written."""
    ip = _plain(ip_address(address.partition("%")[0]))
    kinds = (ip.is_multicast, ip.is_reserved, ip.is_unspecified, ip.is_loopback, ip.is_link_local)
    return not ip.is_global or any(kinds)


def _plain(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is meant."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in TRANSLATED:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    inside = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    return inside or ip


def resolved(host: str, port: int, *, internal: bool) -> str:
    """The one address to connect to. One that is internal spoils all of them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(one[4][0]) for one in found]
    if not internal and any(is_internal(address) for address in addresses):
        raise Internal(f"{host} is an internal address")
    return addresses[0]


def is_webhook_url(url: str, *, internal: bool) -> bool:
    try:
        parts = urlsplit(url)
        return _is_plain(url, parts) and (internal or (parts.scheme == "https" and not _is_internal_literal(parts)))
    except ValueError:
        return False


def _is_plain(url: str, parts: SplitResult) -> bool:
    """No secrets in it, and nothing that could be read in two ways."""
    printable = url.isascii() and url.isprintable() and " " not in url
    fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    return printable and fits and "@" not in parts.netloc and not parts.fragment


def _is_internal_literal(parts: SplitResult) -> bool:
    try:
        return is_internal(parts.hostname or "")
    except ValueError:
        return parts.hostname == "localhost"
