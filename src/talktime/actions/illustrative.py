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


def draft(name: str = NAME) -> Draft:
    return prices.draft_of(read_csv(content()), name, CURRENCY, CHARGE_DECIMALS, None)


def create(tx: Tx, list_id: str, made: Draft, actor: Actor, *, publish: bool, default: bool) -> Known:
    known = prices.create(tx, list_id, made, actor)
    if publish:
        known = prices.publish(tx, list_id, None, actor)
    # Last, since another default gives way only to prices that are in force.
    return prices.change(tx, list_id, None, True, actor) if default else known
