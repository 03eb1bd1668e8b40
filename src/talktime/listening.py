"""Where requests arrive: an address of our own, or a socket that systemd keeps open for us."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

FIRST_HANDED_OVER = 3
"""The number of the descriptor, as systemd has it."""


class CannotListen(Exception):
    """The address is not to be had."""


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    with handed_over() or opened(host, port) as listener:
        yield listener


def handed_over() -> socket.socket | None:
    """It stays open while we are started again: whoever connects meanwhile waits, and is not refused."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    if (number := os.environ.get("LISTEN_FDS")) != "1":
        raise CannotListen(f"systemd hands over {number} sockets: one ListenStream= is needed")
    listener = socket.socket(fileno=FIRST_HANDED_OVER)
    if listener.family not in (socket.AF_INET, socket.AF_INET6):
        raise CannotListen("systemd hands over a socket without a port: ListenStream= is like 127.0.0.1:8080")
    return listener


def opened(host: str, port: int) -> socket.socket:
    if not 0 <= port < 1 << 16:
        raise CannotListen(f"there is no port {port}: they go from 0 (any that is free) to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"{host} cannot be listened on: {error.strerror}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise CannotListen(f"{host} port {port} cannot be listened on: {error.strerror}") from error
    return listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
