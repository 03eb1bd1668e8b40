"""The parts of `talktime agi`, wired."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from talktime.integrations.asterisk.calls import Calls
from talktime.integrations.asterisk.door import Door
from talktime.integrations.asterisk.manager import Account, Manager
from talktime.integrations.asterisk.server import AgiServer
from talktime.integrations.asterisk.tender import Tender
from talktime.integrations.platform import Platform


@contextmanager
def answering(
    url: str, key: str, host: str, port: int, switch: str, organization: str | None, account: Account | None
) -> Iterator[str]:
    """What has begun is brought to its end, and told, before this ends."""
    with ExitStack() as opened:
        platform, calls = opened.enter_context(Platform(url, key)), Calls()
        if account is not None:
            manager = Manager(account)
            # Later it may come and go; that nobody has set it up is said at once.
            manager.check()
            opened.callback(Tender(platform, manager, calls, switch).close)
        door = Door(platform, calls, switch, organization, account is not None)
        server = AgiServer(host, port, door.serve)
        opened.callback(server.close)
        yield server.url
