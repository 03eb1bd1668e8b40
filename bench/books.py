"""A fast wrong answer does not count: after each leg everything must add up, and what was told must be there."""

from __future__ import annotations

from bench.places import Ground

ACCOUNTS = """SELECT count(*) FROM accounts a
LEFT JOIN (SELECT org_id, sum(posted_micros) AS posted, sum(held_micros) AS held FROM lots GROUP BY org_id) l
ON l.org_id = a.org_id
LEFT JOIN (SELECT org_id, sum(held_micros) AS held, sum(charge_micros) AS charged FROM calls GROUP BY org_id) c
ON c.org_id = a.org_id
LEFT JOIN (SELECT org_id, sum(amount_micros) AS amount, count(*) AS entries, max(entry_no) AS last_no,
sum(CASE WHEN kind = 'charge' THEN -amount_micros ELSE 0 END) AS charged FROM entries GROUP BY org_id) e
ON e.org_id = a.org_id
WHERE a.posted_micros + a.debt_micros <> coalesce(l.posted, 0) OR a.held_micros <> coalesce(l.held, 0)
OR a.held_micros <> coalesce(c.held, 0) OR a.posted_micros <> coalesce(e.amount, 0)
OR coalesce(c.charged, 0) <> coalesce(e.charged, 0)
OR a.last_entry_no <> coalesce(e.entries, 0) OR a.last_entry_no <> coalesce(e.last_no, 0)"""

BALANCES = """SELECT count(*) FROM (SELECT balance_after,
sum(amount_micros) OVER (PARTITION BY org_id ORDER BY entry_no) AS balance FROM entries) e
WHERE e.balance_after <> e.balance"""

HOLDS = """SELECT count(*) FROM calls
WHERE (state = 'open') <> (due_at IS NOT NULL) OR (state <> 'open' AND held_micros <> 0)"""

CHARGES = """SELECT count(*) FROM calls c LEFT JOIN entries e
ON e.org_id = c.org_id AND e.entry_key = 'settle:' || c.call_id
WHERE c.charge_micros <> coalesce(-e.amount_micros, 0)"""

UNREPORTED = """SELECT count(*) FROM (SELECT org_id, sum(charge_micros) AS charged FROM usage GROUP BY org_id) u
JOIN (SELECT org_id, sum(charge_micros) AS charged FROM calls GROUP BY org_id) c ON c.org_id = u.org_id
WHERE c.charged <> u.charged"""

POOLS = """SELECT count(*) FROM (SELECT org_id, sum(second_used) AS used, sum(second_held) AS held FROM pool_months
GROUP BY org_id) p JOIN (SELECT org_id, sum(minutes) AS minutes FROM usage WHERE payer = 'pool' GROUP BY org_id) u
ON u.org_id = p.org_id WHERE u.minutes <> p.used"""

CHECKS = {
    "accounts that do not add up": ACCOUNTS,
    "entries that do not follow from those before": BALANCES,
    "calls that hold what they should not": HOLDS,
    "calls without the entry of their charge": CHARGES,
    "organizations whose usage rows make another sum": UNREPORTED,
    "organizations whose pools were used otherwise": POOLS,
}


def settled(ground: Ground) -> int:
    """How many calls have ended; those that the load makes are all charged, or paid by a pool."""
    return int(ground.rows("SELECT count(*) FROM calls WHERE state = 'settled'")[0][0])


def findings(ground: Ground, settled_before: int, told: int, unheard: int = 0) -> str:
    """What is wrong, in words; nothing when the books close.

    `told`: cycles that the clients were told of. `unheard`: answers that may have come when nobody listened any more.
    """
    wrong = [f"{count} {what}" for what, query in CHECKS.items() if (count := ground.rows(query)[0][0])]
    done = settled(ground) - settled_before
    if not told <= done <= told + unheard:
        wrong.append(f"{told} calls were settled for their clients, {done} in the books")
    return "; ".join(wrong)
