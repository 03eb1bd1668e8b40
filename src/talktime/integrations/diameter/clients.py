"""Who may connect, and whose calls he asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from talktime.core.call_types import CallType
from talktime.core.ids import org_number
from talktime.integrations.diameter.avps import Wrong
from talktime.integrations.diameter.codes import Code
from talktime.integrations.diameter.credit_requests import CreditRequest

ANYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class CannotUse(ValueError):
    """A sentence about what was given."""


@dataclass(frozen=True, slots=True)
class Peer:
    """`may_relay`: an agent, which hands on what others have asked."""

    host: str
    networks: Sequence[Any] = ANYWHERE
    may_relay: bool = False


def peer_of(said: str, may_relay: bool = False) -> Peer:
    """From NAME or NAME=NETWORK."""
    host, _, network = said.partition("=")
    try:
        return Peer(host.lower(), (ip_network(network, strict=False),) if network else ANYWHERE, may_relay)
    except ValueError as error:
        raise CannotUse(f"{said}: {error}") from error


class Guests:
    """Without any name, whoever is on this machine."""

    def __init__(self, peers: Iterable[Peer] = ()) -> None:
        self._peers = {peer.host: peer for peer in peers}

    def peer(self, host: str, address: str) -> Peer:
        peer = self._peers.get(host) if self._peers else Peer(host, LOOPBACK)
        if peer is None or not any(_address(address) in network for network in peer.networks):
            raise Wrong(Code.UNKNOWN_PEER)
        return peer


def _address(said: str) -> Any:
    address = ip_address(said.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays, and which type of call it is when the caller's side asks."""

    organization: str | None
    """None: the key's own."""
    call_type: CallType = CallType.USER_OUT


class Directory:
    """By host, realm or service context, in this order; else `otherwise`, if that is anybody."""

    def __init__(self, accounts: Mapping[tuple[str, str], Account], otherwise: Account | None) -> None:
        self._accounts, self._otherwise = accounts, otherwise

    def account(self, asked: CreditRequest) -> Account:
        names = (("host", asked.host), ("realm", asked.realm), ("context", asked.context.lower()))
        found = next((self._accounts[name] for name in names if name in self._accounts), self._otherwise)
        if found is None:
            raise Wrong(Code.AUTHORIZATION_REJECTED)
        return found


def directory_of(lines: Iterable[str], call_type: CallType) -> Directory:
    """Of a file with lines such as `host scscf.example.net org_1 conf_in`; the type of call may be left out."""
    accounts: dict[tuple[str, str], Account] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            accounts.update([_account(number, words, call_type)])
    return Directory(accounts, None)


def _account(number: int, words: Sequence[str], call_type: CallType) -> tuple[tuple[str, str], Account]:
    if len(words) not in (3, 4) or words[0] not in ("host", "realm", "context"):
        raise CannotUse(f"line {number}: expected host, realm or context, a name, org_… and perhaps a type of call")
    if org_number(words[2]) is None:
        raise CannotUse(f"line {number}: {words[2]} is no organization (org_…)")
    if len(words) == 4 and words[3] not in set(CallType):
        raise CannotUse(f"line {number}: {words[3]} is no type of call")
    account = Account(words[2], CallType(words[3]) if len(words) == 4 else call_type)
    return (words[0], words[1].lower()), account
