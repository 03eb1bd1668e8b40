"""Ports for the servers that tests start."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections (32768 and up on Linux): a server that is
# killed and started again finds its port still free, however many clients have connected somewhere in between.
PORTS = range(20_000, 32_000)
TRIES_MAX = 1_000


def free_port() -> int:
    for port in random.sample(PORTS, TRIES_MAX):
        if _is_free(port):
            return port
    raise RuntimeError(f"no free port in {TRIES_MAX} tries")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
