"""Behind a proxy: from where somebody comes is what a proxy of ours says, and nobody else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from talktime.settings import Settings, SettingsError, load
from talktime.web.askers import address_of
from tests.web.client import Client, World
from tests.web.conftest import opened

HOME, OTHER = "192.0.2.7", "198.51.100.1"


@pytest.fixture
def proxied(empty_data: Path, tmp_path: Path) -> Iterator[World]:
    """Whoever asks in these tests comes from 127.0.0.1: here that is a proxy."""
    shutil.copytree(empty_data, tmp_path / "data")
    with opened(Settings(data=tmp_path / "data", trusted_proxies="127.0.0.1")) as made:
        yield made


def key_for(world: World, *addresses: str) -> Client:
    path = world.organization().path
    made = world.operator.post(f"{path}/keys", {"scopes": ["funds"], "addresses": addresses}).json
    return Client(world.door, made["key"])


def status(client: Client, chain: str) -> int:
    return client.send("GET", "/v1/balance", x_forwarded_for=chain).status


def test_a_key_may_be_bound_to_addresses_behind_a_proxy(proxied: World) -> None:
    client = key_for(proxied, HOME)
    assert status(client, HOME) == 200
    assert status(client, f"{OTHER}, {HOME}") == 200
    assert status(client, OTHER) == 403
    assert client.get("/v1/balance").status == 403


def test_who_writes_an_address_of_his_choice_before_his_own_is_not_believed(proxied: World) -> None:
    assert status(key_for(proxied, HOME), f"{HOME}, {OTHER}") == 403


def test_without_a_trusted_proxy_nobody_is_believed(world: World) -> None:
    assert status(key_for(world, HOME), HOME) == 403
    assert status(key_for(world, "127.0.0.1"), HOME) == 200


def test_switches_are_looked_at_alike(proxied: World) -> None:
    path = proxied.organization().path
    made = proxied.operator.post(f"{path}/keys", {"scopes": ["calls"], "addresses": [HOME]}).json
    switch = Client(proxied.door, made["key"])
    assert switch.post("/v1/calls/release", {"call_id": "one"}, x_forwarded_for=HOME).status == 200
    refused = switch.post("/v1/calls/release", {"call_id": "one"}, x_forwarded_for=f"{HOME}, {OTHER}")
    assert (refused.status, refused.code) == (403, "address_not_allowed")


def test_a_header_that_is_there_twice_is_read_as_one() -> None:
    told = [(b"x-forwarded-for", OTHER.encode()), (b"host", b"talktime"), (b"x-forwarded-for", HOME.encode())]
    scope = {"client": ("10.0.0.1", 4711), "headers": told}
    assert address_of(scope, "10.0.0.1") == HOME
    assert address_of(scope, f"10.0.0.1,{HOME}") == OTHER
    assert address_of(scope, "") == "10.0.0.1"
    assert address_of({"client": None, "headers": told}, "10.0.0.1") == ""


@pytest.mark.parametrize("value", ["home", "10.0.0.1/8", "0.0.0.0/0"])
def test_a_setting_that_trusts_nobody_or_everybody_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="'trusted_proxies' is like"):
        load({}, {"TALKTIME_TRUSTED_PROXIES": value})
