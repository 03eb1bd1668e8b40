from __future__ import annotations

import pytest

from talktime.core.proxies import asker, networks

OURS = networks("10.0.0.1, 10.1.0.0/16, 2001:db8:1::/64")


@pytest.mark.parametrize(
    ("peer", "chain", "who"),
    [
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", [" 192.0.2.7 "], "192.0.2.7"),
        # Over two of ours, from the inner to the outer.
        ("10.0.0.1", ["192.0.2.7", "10.1.3.4"], "192.0.2.7"),
        # All are ours: somebody of our own network asks.
        ("10.0.0.1", ["10.1.0.9", "10.1.3.4"], "10.1.0.9"),
        ("10.0.0.1", ["192.0.2.7:51234"], "192.0.2.7"),
        ("2001:db8:1::5", ["[2001:db8:2::9]:443"], "2001:db8:2::9"),
        ("2001:db8:1::5", ["2001:db8:2::9"], "2001:db8:2::9"),
        # As one socket for both protocols writes it.
        ("::ffff:10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
    ],
)
def test_who_is_named_by_proxies_of_ours_is_who_asks(peer: str, chain: list[str], who: str) -> None:
    assert asker(peer, chain, OURS) == who


@pytest.mark.parametrize(
    ("peer", "chain", "who"),
    [
        ("192.0.2.66", ["198.51.100.1"], "192.0.2.66"),
        ("192.0.2.66", ["198.51.100.1", "10.0.0.1"], "192.0.2.66"),
        ("10.0.0.2", ["198.51.100.1"], "10.0.0.2"),
        # What stands before the one who came to our proxy he may have written himself.
        ("10.0.0.1", ["198.51.100.1", "192.0.2.66"], "192.0.2.66"),
        ("10.0.0.1", ["10.1.0.1", "10.0.0.1", "192.0.2.66"], "192.0.2.66"),
        ("10.0.0.1", ["198.51.100.1", "nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1", ""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1", "[::1"], "::1"),
        ("10.0.0.1", ["198.51.100.1", "unknown", "10.1.0.1"], "10.1.0.1"),
        ("", ["198.51.100.1"], ""),
        ("somewhere", ["198.51.100.1"], "somewhere"),
    ],
)
def test_what_anybody_can_send_says_nothing(peer: str, chain: list[str], who: str) -> None:
    assert asker(peer, chain, OURS) == who


def test_whom_nobody_trusts_is_who_is_connected() -> None:
    assert networks("") == networks(" , ") == ()
    assert asker("10.0.0.1", ["192.0.2.7"], ()) == "10.0.0.1"


@pytest.mark.parametrize("text", ["home", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.1;10.0.0.2"])
def test_what_is_no_network_or_everybody_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        networks(text)
