"""The tour of the README, word by word, in one shell. Only the installation is left out, and the port is a free one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.shell import own_environment, told_by

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
TOUR = README.partition("## Five-minute tour")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```sh\n(.*?)```", TOUR, re.DOTALL)
PORT = "8090"
PORTS = (PORT, "5070", "5080", "5081", "5090")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block of the tour prints."""
    folder = tmp_path_factory.mktemp("tour")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "Makefile").symlink_to(ROOT / "Makefile")
    blocks = [block.replace("make install", "make --dry-run --silent help > dry-run") for block in BLOCKS]
    return told_by(blocks, folder, {port: free_port() for port in PORTS}, own_environment())


def answers(told: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.splitlines() if line.startswith("{")]


def block_with(said: list[str], words: str) -> str:
    """What is printed by the block in which these words are."""
    (number,) = [number for number, block in enumerate(BLOCKS) if words in block]
    return said[number]


pytestmark = pytest.mark.slow


def test_every_block_is_run(said: list[str]) -> None:
    assert len(said) == len(BLOCKS) >= 8
    assert PORT in TOUR and "make install" in TOUR


def test_nothing_is_refused_but_what_is_said_to_be(said: list[str]) -> None:
    told = [answer for block in said for answer in answers(block)]
    assert [answer for answer in told if "request_id" in answer] == []
    assert [answer["reason"] for answer in told if answer.get("decision") == "refused"] == ["no_rate", "no_balance"]


def test_the_pool_pays_to_zone_a_and_credits_pay_to_zimbabwe(said: list[str]) -> None:
    *_, france, zimbabwe, paris, harare, pools, usage = answers(block_with(said, "tour-3"))
    assert france["payers"] == [{"payer": "pool", "pool": "MCOMEETADD", "minutes": 5}]
    assert [(one["payer"], one["amount"]) for one in zimbabwe["payers"]] == [("credits", "2")]
    assert (paris["pool_minutes"], paris["charge"], harare["pool_minutes"], harare["charge"]) == (4, "0", 0, "0.8")
    assert [(one["total"], one["used"], one["available"]) for one in pools["data"]] == [(120, 4, 116)]
    assert [row["payer"] for row in usage["data"] if row["call_type"] == "conf_out"] in (
        ["pool", "credits"],
        ["credits", "pool"],
    )


def test_a_toll_free_call_is_refused_at_zero_and_says_why(said: list[str]) -> None:
    *_, refused, story = answers(block_with(said, "tour-5"))
    assert (refused["reason"], refused["sip"]["code"]) == ("no_balance", 402)
    assert story["checks"][-1] == {"check": "is_covered", "outcome": "no_balance"}


def test_the_call_is_granted_and_what_is_said_to_be_held_is_held(said: list[str]) -> None:
    granted, balance = answers(block_with(said, '"call_id": "tour-1", "call_type"'))
    assert (granted["decision"], granted["granted_seconds"]) == ("granted", 300)
    assert "grant of five minutes, and 0.65 is held" in TOUR
    assert balance["held"] == "0.65"


def test_the_call_costs_what_it_is_said_to_cost(said: list[str]) -> None:
    extended, settled, statement = answers(block_with(said, "calls/extend"))
    assert extended["granted_seconds"] == 600
    assert "6 minutes and 10 seconds. Seven minutes and the fee are charged" in TOUR
    assert (settled["charge"], settled["balance"]["held"]) == ("0.89", "0")
    assert [entry["amount"] for entry in statement["data"]] == ["-0.89", "5"]


def test_nothing_happens_twice_and_the_call_tells_its_story(said: list[str]) -> None:
    settled, refused, story = answers(block_with(said, "tour-2"))
    assert settled["charge"] == "0.89"
    assert (refused["decision"], refused["sip"]["code"]) == ("refused", 404)
    assert (story["call_id"], story["state"], len(story["rows"])) == ("tour-1", "settled", 1)


def test_funds_come_by_hand_and_then_by_themselves(said: list[str]) -> None:
    _, paid, call, *_ = answers(block_with(said, "simulator_card"))
    assert (paid["status"], paid["amount"], call["decision"]) == ("succeeded", "60", "granted")
    told = block_with(said, "receipt.pdf")
    payments = next(answer["data"] for answer in answers(told) if "data" in answer and "status" in answer["data"][0])
    assert [(one["kind"], one["amount"], one["status"]) for one in payments] == [
        ("recharge", "80", "succeeded"),
        ("top_up", "60", "succeeded"),
    ]
    assert next(answer["balance"] for answer in answers(told) if "recharge_state" in answer) == "128"
    assert "Subject: Auto-recharge succeeded" in told


def test_a_real_call_is_refused_then_paid_and_made_then_cut(said: list[str]) -> None:
    told = block_with(said, "refused.log")
    assert "SIP/2.0 402 Payment Required" in told
    assert "X-Talktime-Reason: credits_not_set_up" in told
    assert "BYE sip:" in told
    calls = next(answer["data"] for answer in answers(told) if "data" in answer)
    assert [(one["state"], one["charge"]) for one in calls[1:]] == [("settled", "0.04"), ("refused", "0")], calls
    assert (calls[0]["state"], calls[0]["granted_seconds"]) == ("settled", 6)
    assert calls[0]["duration_seconds"] in (5, 6)


def test_the_books_are_right(said: list[str]) -> None:
    assert "every invariant holds: 2 organizations, 10 entries" in block_with(said, "talktime verify")
