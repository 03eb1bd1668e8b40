"""The secret in an answer that is kept: for whoever asks again, and for nobody else."""

from __future__ import annotations

from talktime.storage.vault import Vault
from talktime.web.shown_once import opened, sealed

ANSWER = b'{"id":"whk_1","secret":"whsec_example"}'
HERE, OLD, NEW = "answer:1:POST /v1/webhooks:one", bytes(32), bytes(range(32))


def test_what_is_kept_tells_no_secret_and_gives_it_back() -> None:
    kept = sealed(Vault(OLD), "secret", HERE, ANSWER)
    assert b"whsec" not in kept and b"whk_1" in kept
    assert opened(Vault(OLD), "secret", HERE, kept) == ANSWER


def test_it_is_read_beside_a_newer_key_and_null_once_the_old_one_is_gone() -> None:
    kept = sealed(Vault(OLD), "secret", HERE, ANSWER)
    assert opened(Vault(NEW, OLD), "secret", HERE, kept) == ANSWER
    assert opened(Vault(NEW), "secret", HERE, kept) == b'{"id":"whk_1","secret":null}'


def test_it_cannot_be_read_as_the_answer_to_another_question() -> None:
    kept = sealed(Vault(OLD), "secret", HERE, ANSWER)
    assert b"null" in opened(Vault(OLD), "secret", f"{HERE}2", kept)
