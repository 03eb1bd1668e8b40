"""Messages that no telephone would send, and the code of what comes back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from random import Random

ANSWER_SECONDS = 1.0
PAUSE_SECONDS = 0.002


INVITE = """INVITE sip:{to}@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1
From: "Front desk" <sip:{user}@127.0.0.1>;tag=shout{number}
To: <sip:{to}@127.0.0.1>
Call-ID: shout-{number}@127.0.0.1
CSeq: 1 INVITE
Max-Forwards: 70
Contact: <sip:{user}@127.0.0.1>
Content-Length: 0

"""


def mangled(text: str, chance: Random) -> bytes:
    """Some bytes are others, missing, or there many times."""
    said = bytearray(text.replace("\n", "\r\n").encode())
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(said))
        match chance.randrange(3):
            case 0:
                said[at] = chance.randrange(256)
            case 1:
                del said[at : at + chance.randint(1, 30)]
            case 2:
                said[at:at] = said[at : at + chance.randint(1, 20)] * chance.randint(1, 50)
    return bytes(said)


def shout(target: str, messages: Iterable[bytes], address: str) -> None:
    """Without listening."""
    host, _, port = target.partition(":")
    with socket.socket(type=socket.SOCK_DGRAM) as ours:
        ours.bind((address, 0))
        for message in messages:
            ours.sendto(message, (host, int(port)))
            time.sleep(PAUSE_SECONDS)


def said_to(target: str, text: str, address: str) -> int | None:
    """None: nothing comes back."""
    host, _, port = target.partition(":")
    with socket.socket(type=socket.SOCK_DGRAM) as ours:
        ours.bind((address, 0))
        ours.settimeout(ANSWER_SECONDS)
        own = f"{address}:{ours.getsockname()[1]}"
        ours.sendto(_from_here(text, own).encode("latin-1"), (host, int(port)))
        try:
            return int(ours.recv(65_536).split()[1])
        except (TimeoutError, IndexError, ValueError):
            return None


def _from_here(text: str, own: str) -> str:
    """The answer shall come back to us."""
    lines = [
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK-shout" if line.startswith("Via:") else line for line in text.split("\n")
    ]
    return "\r\n".join(lines)
