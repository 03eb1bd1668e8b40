"""A single message that no telephone would send, and the code of what comes back."""

from __future__ import annotations

import socket

ANSWER_SECONDS = 1.0


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
