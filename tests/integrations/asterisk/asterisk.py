"""What stands in for Asterisk, its channels and its manager interface; and the real `talktime agi` they speak with."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any, Self

from talktime.integrations.asterisk.channel import Channel
from tests.http.shop import Organization

SECRET = "example-secret"
QUICKLY = 15.0


def soon(condition: Callable[[], bool], seconds: float = QUICKLY) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


@dataclass(frozen=True)
class Pbx:
    port: int
    org: Organization
    """Whose dialplan it is."""

    def channel(self, extension: str, name: str = "PJSIP/desk-00000001") -> Channel:
        return Channel("127.0.0.1", self.port, extension, "+442079460101", name)

    def authorize(self, channel: Channel, **values: str) -> None:
        query = "&".join(
            f"{name}={value}"
            for name, value in ({"organization": self.org.id, "user": self.org.caller} | values).items()
        )
        channel.ask(f"authorize?{query}")

    def story(self, channel: Channel, call_id: str = "") -> Any:
        answer = self.org.api.get(f"/v1/calls/{call_id or channel.variables['TALKTIME_CALL_ID']}")
        assert answer.status == 200
        return answer.json

    def ended(self, channel: Channel, status: str, **lasted: str) -> Any:
        """The story when the platform has been told."""
        call_id = channel.variables["TALKTIME_CALL_ID"]
        channel.variables |= {"DIALSTATUS": status, **lasted}
        channel.ask("ended")
        soon(lambda: self.story(channel, call_id)["state"] != "open")
        return self.story(channel, call_id)

    def say(self, raw: bytes) -> bytes:
        """Whatever somebody sends, and all that he hears."""
        with socket.create_connection(("127.0.0.1", self.port), 20) as line:
            heard = b""
            # Who hears enough hangs up: also while we speak (an OSError of its own, not of connections, at the end).
            with suppress(OSError):
                line.sendall(raw)
                line.shutdown(socket.SHUT_WR)
            with suppress(ConnectionError):
                while piece := line.recv(4096):
                    heard += piece
            return heard


@contextmanager
def agi(url: str, key: str, *options: str) -> Iterator[int]:
    """Its port."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    secrets = {"TALKTIME_KEY": key, "TALKTIME_AMI_SECRET": SECRET}
    command = [sys.executable, "-m", "talktime.cli.main", "agi", "--url", url, "--port", "0"]
    with subprocess.Popen([*command, *options], env=ours | secrets, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            ready = process.stdout.readline()
            assert ready.startswith("ready agi://127.0.0.1:"), ready
            yield int(ready.rpartition(":")[2])
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


class FakeManager:
    """The manager interface of an Asterisk with some channels."""

    def __init__(self) -> None:
        self.channels: set[str] = set()
        self.orders: list[dict[str, str]] = []
        self.is_down = False
        self.turned_away = 0
        fake = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"Asterisk Call Manager/9.0.0\r\n")
                with suppress(ConnectionError, ValueError):
                    while message := self._message():
                        if fake.is_down:
                            fake.turned_away += 1
                            return
                        answer = fake._answer(message)
                        event = "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n" if "Secret" in message else ""
                        self.wfile.write((answer + event).encode())

            def _message(self) -> dict[str, str]:
                lines = iter(lambda: self.rfile.readline().decode().strip(), "")
                return dict(line.split(": ", 1) for line in lines)

        self._tcp = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._tcp.daemon_threads = True
        self._thread = Thread(target=self._tcp.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._tcp.server_address[1]}"

    def times(self, channel: str) -> list[int]:
        """To how many seconds from then its end was moved, each time."""
        moved = [one for one in self.orders if one["Action"] == "AbsoluteTimeout" and one["Channel"] == channel]
        return [int(one["Timeout"]) for one in moved]

    @property
    def hung_up(self) -> list[str]:
        return [one["Channel"] for one in self.orders if one["Action"] == "Hangup"]

    def _answer(self, message: dict[str, str]) -> str:
        said = f"ActionID: {message['ActionID']}\r\n"
        if message["Action"] == "Login":
            is_right = (message["Username"], message["Secret"]) == ("talktime", SECRET)
            return f"Response: {'Success' if is_right else 'Error'}\r\n{said}\r\n"
        self.orders.append(message)
        channel = message.get("Channel")
        if channel is not None and channel not in self.channels:
            return f"Response: Error\r\n{said}Message: No such channel\r\n\r\n"
        return f"Response: Success\r\n{said}\r\n"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tcp.shutdown()
        self._thread.join()
        self._tcp.server_close()
