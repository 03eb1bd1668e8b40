"""How often somebody may try: counted before it is looked at, so that many at once are no way around it."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network

from talktime.actions.errors import ActionError
from talktime.core.time import MINUTE, SECOND
from talktime.storage import sign_in_store
from talktime.storage.database import Database, Tx

WINDOW = 15 * MINUTE
OF_A_NAME, OF_AN_ADDRESS = 10, 50


class TooManyAttempts(ActionError):
    code = "too_many_attempts"
    status = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.seconds = seconds
        """Until one may try again."""


def begin(database: Database, name: str, address: str, now: int) -> None:
    """Every attempt counts until it is taken back."""
    seconds = database.write((), _count, name, address, now)
    if seconds:
        raise TooManyAttempts(seconds)


def _count(tx: Tx, name: str, address: str, now: int) -> int:
    """Seconds to wait; 0: go on."""
    limits = ((address_key(address), OF_AN_ADDRESS), (name_key(name), OF_A_NAME))
    for key, most in limits:
        tries = sign_in_store.count(tx, key, now, now - WINDOW)
        if tries.failures > most:
            return -((now - tries.since_at - WINDOW) // SECOND)
    return 0


def succeeded(tx: Tx, name: str, address: str) -> None:
    sign_in_store.take_back(tx, address_key(address))
    sign_in_store.forget(tx, name_key(name))


def name_key(name: str) -> str:
    """People type a password where the name belongs: it is not kept as it was typed."""
    return f"name:{sha256(name.encode(errors='replace')).hexdigest()}"


def address_key(address: str) -> str:
    """Of IPv6 everybody has a whole network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return f"address:{sha256(address.encode(errors='replace')).hexdigest()}"
    return f"address:{ip_network((parsed, 64), strict=False) if isinstance(parsed, IPv6Address) else parsed}"
