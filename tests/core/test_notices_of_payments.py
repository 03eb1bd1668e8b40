"""Who hears of payments besides those who hear of everything."""

from __future__ import annotations

from talktime.core.notices import recipients


def test_who_is_sent_receipts_hears_of_payments_and_of_nothing_else() -> None:
    chosen, receipts_to = ["billing@example.com"], ["books@example.com", "BILLING@example.com"]
    told = recipients("recharge_succeeded", [], chosen, "lv", receipts_to)
    assert told == {"lv": ("billing@example.com", "books@example.com")}
    assert recipients("balance_zero", [], chosen, "lv", receipts_to) == {"lv": ("billing@example.com",)}
