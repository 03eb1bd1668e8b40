"""Languages of switches are handed to the API from outside; whatever becomes of one, no call goes on by mistake."""

from __future__ import annotations

import asyncio

import httpx

from talktime.integrations.freeswitch.codec import CODECS
from talktime.web.asgi import Api
from talktime.web.codecs import Codec, Codecs, Conversation, Sent
from talktime.web.switch_doors import FREESWITCH_DIALPLAN
from tests.web.client import World


def posted(world: World, codecs: Codecs) -> httpx.Response:
    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(Api(world.app, codecs))
        async with httpx.AsyncClient(transport=transport, base_url="http://talktime") as client:
            return await client.post(FREESWITCH_DIALPLAN, headers=world.operator.headers)

    return asyncio.run(post())


def broken(sent: Sent) -> Conversation:
    raise KeyError("planted")


def test_a_language_that_nobody_speaks_is_no_address(world: World) -> None:
    assert posted(world, {}).status_code == 404


def test_a_codec_that_breaks_lets_no_call_go_on(world: World) -> None:
    answer = posted(world, {FREESWITCH_DIALPLAN: Codec(broken, CODECS[FREESWITCH_DIALPLAN].refused)})
    assert answer.status_code == 200
    assert "talktime_reason=internal_error" in answer.text
    assert "planted" not in answer.text
    assert "bridge" not in answer.text
