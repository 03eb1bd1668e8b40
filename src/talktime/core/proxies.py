"""Who asks, where proxies stand before us that say for whom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@cache
def networks(text: str) -> tuple[Network, ...]:
    """`192.0.2.1,10.1.0.0/16`. ValueError: one of them is none, or is everybody."""
    found = tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
    if any(one.prefixlen == 0 for one in found):
        raise ValueError("a network of everybody")
    return found


def asker(peer: str, chain: Sequence[str], trusted: Sequence[Network]) -> str:
    """Everybody can send a chain; each proxy adds at its end who came to it. So it is read from its end, for as long as
    it was written by whom we trust."""
    at = peer
    for said in reversed(chain):
        found = _address(said)
        if found is None or not _is_among(at, trusted):
            break
        at = str(found)
    return at


def _is_among(text: str, trusted: Sequence[Network]) -> bool:
    found = _address(text)
    return found is not None and any(found in network for network in trusted)


def _address(text: str) -> Address | None:
    """Also with its port: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        found = ip_address(plain)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
