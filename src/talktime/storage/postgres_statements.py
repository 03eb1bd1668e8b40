"""What is said to PostgreSQL: every statement is one probe of an index for each key, in the order of the arrays."""

from __future__ import annotations

from functools import cache

from talktime.storage import pool_rows
from talktime.storage.store import ACCOUNT_COLUMNS, LOT_COLUMNS, USER_COLUMNS
from talktime.storage.wire import BOOL, INT8, INT8_ARRAY, MARK, TEXT, TEXT_ARRAY, Statement

# So two batches never wait for each other, and no plan made for empty tables can live on as a scan.
PLANNING = (
    "enable_seqscan=off",
    "enable_bitmapscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
    "enable_material=off",
    "jit=off",
    "lock_timeout=2000",
)
PLANS = " ".join(f"-c {setting}" for setting in PLANNING)
"""Given at connect."""
PLANS_AGAIN = [Statement(f"SET LOCAL {setting}") for setting in PLANNING]
"""Said in each transaction behind a pooler: there a connection is anybody's, and keeps nothing of ours."""


class Statements:
    """`everywhere` names the organizations beside the join key, too: where rows are spread by organization a plan needs
    that to stay in one place. Elsewhere it is left out, since the array would be sorted anew at every probe."""

    def __init__(self, everywhere: bool) -> None:
        def also(alias: str) -> str:
            return f" AND {alias}.org_id = ANY($1)" if everywhere else ""

        self.begin = Statement("BEGIN")
        self.commit = Statement("COMMIT")
        self.rollback = Statement("ROLLBACK")
        self.mark = Statement(MARK)
        accounts = f"""SELECT {ACCOUNT_COLUMNS} FROM accounts a JOIN organizations o ON o.org_id = a.org_id{also("o")}
WHERE a.org_id = ANY($1)"""
        self.accounts = Statement(accounts, [INT8_ARRAY], rows=True)
        self.lock = Statement("SELECT 1 FROM accounts WHERE org_id = ANY($1) ORDER BY org_id FOR UPDATE", [INT8_ARRAY])
        self.lots = Statement(
            f"SELECT {LOT_COLUMNS} FROM lots l WHERE l.org_id = ANY($1) AND l.state = 'open'", [INT8_ARRAY], rows=True
        )
        self.closed_lots = Statement(
            f"""SELECT {LOT_COLUMNS} FROM unnest($1::bigint[], $2::text[]) AS k(org_id, lot_id)
JOIN lots l ON l.org_id = k.org_id AND l.lot_id = k.lot_id{also("l")} WHERE l.state IN ('spent', 'expired')""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.calls = Statement(
            f"""SELECT c.story FROM unnest($1::bigint[], $2::text[]) AS k(org_id, call_id)
JOIN calls c ON c.org_id = k.org_id AND c.call_id = k.call_id{also("c")}""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.users = Statement(
            f"""SELECT k.org_id, k.name, {USER_COLUMNS} FROM unnest($1::bigint[], $2::text[]) AS k(org_id, name)
JOIN user_names n ON n.org_id = k.org_id AND n.name = k.name{also("n")}
JOIN users u ON u.org_id = k.org_id AND u.user_id = n.user_id{also("u")}""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.toll_free = Statement(
            f"""SELECT s.org_id, s.number FROM unnest($1::bigint[], $2::text[]) AS k(org_id, number)
JOIN service_numbers s ON s.org_id = k.org_id AND s.number = k.number{also("s")} WHERE s.type = 'toll_free'""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.pools = Statement(
            f"""SELECT {pool_rows.COLUMNS}
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(org_id, pool_id, month)
JOIN pools p ON p.org_id = k.org_id AND p.pool_id = k.pool_id{also("p")}
LEFT JOIN pool_months m ON m.org_id = k.org_id AND m.pool_id = k.pool_id AND m.month = k.month{also("m")}""",
            [INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.tallies = Statement(
            f"""SELECT t.org_id, t.user_id, t.version, t.story
FROM unnest($1::bigint[], $2::text[]) AS k(org_id, user_id)
JOIN tallies t ON t.org_id = k.org_id AND t.user_id = k.user_id{also("t")}""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.running = Statement(
            f"""SELECT k.org_id, k.user_id, count(c.call_id), COALESCE(sum(c.held_micros), 0)::bigint
FROM unnest($1::bigint[], $2::text[]) AS k(org_id, user_id)
LEFT JOIN calls c ON c.org_id = k.org_id AND c.caller = k.user_id AND c.due_at IS NOT NULL{also("c")}
GROUP BY k.org_id, k.user_id""",
            [INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.revisions = Statement("SELECT name, value FROM control", rows=True)
        self.move_accounts = Statement(
            f"""UPDATE accounts a SET posted_micros = a.posted_micros + m.posted, held_micros = a.held_micros + m.held,
last_entry_no = a.last_entry_no + m.entries, last_at = GREATEST(a.last_at, m.at)
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
AS m(org_id, posted, held, entries, at)
WHERE a.org_id = m.org_id{also("a")} RETURNING a.org_id, a.posted_micros, a.last_entry_no, a.last_at,
a.wake_micros""",
            [INT8_ARRAY] * 5,
            rows=True,
        )
        self.look_soon = Statement(
            """UPDATE recharges r SET look_at = m.at
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS m(org_id, posted, at)
WHERE r.org_id = ANY ($1::bigint[]) AND r.org_id = m.org_id AND r.enabled AND r.state = 'on' AND r.look_at IS NULL
AND r.trigger_micros > m.posted""",
            [INT8_ARRAY] * 3,
        )
        self.alerts = Statement(
            "SELECT org_id, settings FROM alerts WHERE org_id = ANY ($1::bigint[])", [INT8_ARRAY], rows=True
        )
        self.move_lots = Statement(
            f"""UPDATE lots l SET posted_micros = l.posted_micros + m.posted, held_micros = l.held_micros + m.held,
state = CASE WHEN l.state = 'frozen' THEN l.state WHEN l.posted_micros + m.posted = 0 THEN m.when_empty ELSE 'open' END
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[])
AS m(org_id, lot_id, posted, held, when_empty)
WHERE l.org_id = m.org_id AND l.lot_id = m.lot_id{also("l")}""",
            [INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY],
        )
        self.change_calls = Statement(
            f"""UPDATE calls c SET version = m.version, state = m.state, held_micros = m.held, charge_micros = m.charge,
due_at = m.due, story = m.story FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[],
$6::bigint[], $7::bigint[], $8::bigint[], $9::text[])
AS m(org_id, call_id, read, version, state, held, charge, due, story)
WHERE c.org_id = m.org_id AND c.call_id = m.call_id{also("c")} AND c.version = m.read RETURNING 1""",
            [
                INT8_ARRAY,
                TEXT_ARRAY,
                INT8_ARRAY,
                INT8_ARRAY,
                TEXT_ARRAY,
                INT8_ARRAY,
                INT8_ARRAY,
                INT8_ARRAY,
                TEXT_ARRAY,
            ],
            rows=True,
        )
        # The totals judge: who read of minutes that have gone meanwhile is told so, and decides again.
        self.move_pools = Statement(
            f"""UPDATE pool_months p SET first_used = p.first_used + m.fu, first_held = p.first_held + m.fh,
second_used = p.second_used + m.su, second_held = p.second_held + m.sh
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
$8::bigint[], $9::bigint[], $10::bigint[]) AS m(org_id, pool_id, month, fu, fh, su, sh, ft, st, either)
WHERE p.org_id = m.org_id AND p.pool_id = m.pool_id AND p.month = m.month{also("p")}
AND (m.fu + m.fh <= 0 OR p.first_used + p.first_held + m.fu + m.fh <= m.ft
AND (m.either = 0 OR p.second_used + p.second_held < m.st))
AND (m.su + m.sh <= 0 OR p.second_used + p.second_held + m.su + m.sh <= m.st
AND (m.either = 0 OR p.first_used + p.first_held < m.ft))
RETURNING p.org_id, p.pool_id, p.month, p.first_used, p.second_used""",
            [INT8_ARRAY, TEXT_ARRAY, TEXT_ARRAY, *[INT8_ARRAY] * 7],
            rows=True,
        )
        self.change_tallies = Statement(
            f"""UPDATE tallies t SET version = t.version + 1, story = m.story
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) AS m(org_id, user_id, version, story)
WHERE t.org_id = m.org_id AND t.user_id = m.user_id{also("t")} AND t.version = m.version RETURNING 1""",
            [INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.block = Statement(
            f"""UPDATE users u SET blocked_at = m.at, block_reason = m.reason
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) AS m(org_id, user_id, at, reason)
WHERE u.org_id = m.org_id AND u.user_id = m.user_id{also("u")} AND u.blocked_at IS NULL RETURNING 1""",
            [INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY, TEXT_ARRAY],
            rows=True,
        )
        self.unreport = Statement(
            f"""DELETE FROM usage u USING unnest($1::bigint[], $2::text[]) AS m(org_id, call_id)
WHERE u.org_id = m.org_id AND u.call_id = m.call_id{also("u")}""",
            [INT8_ARRAY, TEXT_ARRAY],
        )


OPEN_CALLS = """INSERT INTO calls (org_id, call_id, version, state, held_micros, charge_micros, due_at, story,
opened_at, switch, caller, emergency) VALUES """
CALL_TYPES = [INT8, TEXT, INT8, TEXT, INT8, INT8, INT8, TEXT, INT8, TEXT, TEXT, BOOL]
OPEN_MONTHS = "INSERT INTO pool_months (org_id, pool_id, month) VALUES "
MONTH_TYPES = [INT8, TEXT, TEXT]
OPEN_TALLIES = "INSERT INTO tallies (org_id, user_id, version, story) VALUES "
TALLY_TYPES = [INT8, TEXT, INT8, TEXT]
LOG_BLOCKS = "INSERT INTO user_blocks (org_id, block_id, at, user_id, mode, reason, by) VALUES "
BLOCK_TYPES = [INT8, TEXT, INT8, TEXT, TEXT, TEXT, TEXT]
TELL = "INSERT INTO notices (org_id, notice_id, once, event, at, details) VALUES "
NOTICE_TYPES = [INT8, TEXT, TEXT, TEXT, INT8, TEXT]
REPORT = """INSERT INTO usage (org_id, usage_id, call_id, part, call_type, user_id, user_location, caller, number,
number_type, context, destination, conference_id, started_at, seconds, minutes, fee_micros, charge_micros,
charge_decimals, currency, capability, payer, entry_key) VALUES """
USAGE_TYPES = [INT8, TEXT, TEXT, INT8, *[TEXT] * 9, *[INT8] * 6, *[TEXT] * 4]
UNLESS_THERE = " ON CONFLICT DO NOTHING"
APPEND = """INSERT INTO entries (org_id, entry_id, entry_no, entry_key, kind, at, amount_micros, balance_after,
postings, by, note) VALUES """
ENTRY_TYPES = [INT8, TEXT, INT8, TEXT, TEXT, INT8, INT8, INT8, TEXT, TEXT, TEXT]


def leading_octal(number: int) -> int:
    unit = 1 << (number.bit_length() - 1) // 3 * 3
    return number // unit * unit


@cache
def insert_of(into: str, types: tuple[int, ...], rows: int, otherwise: str) -> Statement:
    width = len(types)
    places = [f"({', '.join(f'${row * width + n}' for n in range(1, width + 1))})" for row in range(rows)]
    return Statement(into + ", ".join(places) + otherwise, types * rows)
