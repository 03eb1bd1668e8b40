"""Prices to begin with: made up by us for every country, so that a new installation has something to show."""

from __future__ import annotations

from importlib.resources import files

from talktime.actions import prices
from talktime.actions.audit import Actor
from talktime.actions.prices import Draft, Known
from talktime.core.price_files import read_csv
from talktime.storage.database import Tx

NAME = "Illustrative world prices"
CURRENCY = "USD"
CHARGE_DECIMALS = 4
FILE = "illustrative_prices.csv"
"""Made by scripts/make_illustrative_prices.py."""


def content() -> bytes:
    return files(__package__).joinpath("data", FILE).read_bytes()


def draft(name: str = NAME, default: bool = False) -> Draft:
    return prices.draft_of(read_csv(content()), name, CURRENCY, CHARGE_DECIMALS, default)


def create(tx: Tx, list_id: str, made: Draft, publish: bool, actor: Actor) -> Known:
    known = prices.create(tx, list_id, made, actor)
    return prices.publish(tx, list_id, None, actor) if publish else known
