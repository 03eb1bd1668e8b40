"""What the engine must do, written without any care for speed: one command after the other, on plain dictionaries.

Independent of `core`: it knows its commands and the names of its refusals, and has read the specification.
"""

from __future__ import annotations

from typing import Any

from talktime.core.calls import (
    Answered,
    Asked,
    Authorize,
    Command,
    Concerning,
    Extend,
    Lapse,
    Record,
    Refusal,
    Release,
    Settle,
)
from tests.simulation import rules
from tests.simulation.on_paper import FREE, PLENTY, Means, Rate, billed, price, rate_of, reach, wanted
from tests.simulation.rules import Case

SECOND = 1_000_000
FOR_EVER = 1 << 40

Dict = dict[str, Any]
Said = tuple[Any, ...]
Drawn = list[tuple[str, int]]
NOTHING_COUNTED: Dict = {"open": 0, "held": 0, "spends": (), "seen": (), "day": "", "today": 0}
NOT_SIZED: Dict = {"size": (0, 0), "most": (0, 0), "month": ""}


def size(parts: Drawn) -> int:
    return sum(amount for _, amount in parts)


class Reference:
    def __init__(self, price_lists: dict[str, list[Dict]]) -> None:
        self.price_lists = price_lists
        self.orgs: dict[int, Dict] = {}
        self.calls: dict[tuple[int, str], Dict] = {}
        self.entries: dict[tuple[int, str], list[tuple[str, str, int]]] = {}

    def do(self, command: Command) -> Said:
        org, call = self.orgs.get(command.org_id), self.calls.get((command.org_id, command.call_id))
        if org is None:
            return ("unknown",)
        now = org["clock"] or command.at
        match command:
            case Record():
                return self.record(command, org, call, now)
            case Authorize():
                return self.authorize(command, org, call, now)
            case Extend():
                return self.extend(command, org, call, now)
            case Settle():
                return self.settle(command, org, call, now)
            case Answered() if call and call["state"] == "open":
                said = now if command.answered_at is None else min(max(command.answered_at, call["opened"]), now)
                self.heard(call, said)
            case Release() if call is None:
                self.open(command, now, state="released")
            case Release() if call and call["state"] == "open":
                self.let_go(command, org, call, now)
            case Lapse() if call and call["state"] == "open" and (command.lost or now >= call["due"]):
                if call["answered"] is None:
                    self.let_go(command, org, call, now)
                else:
                    self.end(command, org, call, call["seconds"], now, "stale")
                    call["state"] = "stale"
            case _ if not command.call_id:
                self.free(org, now)
        return ("done",)

    # ---------------------------------------------------------------- a call begins and goes on

    def open(self, command: Concerning, now: int, **known: Any) -> Dict:
        nothing = dict.fromkeys(
            ("asked", "refused", "rate", "answered", "due", "talked", "settled", "payer", "counted")
        )
        fresh = {"state": "open", "opened": now, "seconds": 0, "grown": 0, "final": False, "drawn": [], "charged": []}
        no_pool = {"pool": "", "second": 0, "month": "", "minutes": 0, "over": False}
        terms = {"payer": None, "counted": None, "emergency": False}
        self.calls[command.org_id, command.call_id] = call = nothing | fresh | no_pool | terms | known
        return call

    def authorize(self, command: Authorize, org: Dict, call: Dict | None, now: int) -> Said:
        if call is None:
            return self.begin(command, org, now)
        if call["asked"] is not None:
            return differing(call["asked"], command.asked) or call["answer"]
        rate = self.rate(org, rules.case_of(org, command.asked), now)
        call.update(asked=command.asked, refused=Refusal.ALREADY_ENDED, rate=rate)
        if call["talked"] is not None:
            self.end(command, org, call, call["talked"], now)
        call["answer"] = "refused", Refusal.ALREADY_ENDED, call["rate"]
        return call["answer"]  # type: ignore[no-any-return]

    def begin(self, command: Authorize, org: Dict, now: int) -> Said:
        case = rules.case_of(org, command.asked)
        rate = self.rate(org, case, now)
        refused, payer = self.verdict(org, case, rate, now, now)
        state = "refused" if refused else "open"
        call = self.open(command, now, asked=command.asked, rate=rate, refused=refused, state=state)
        call["answer"] = ("refused", refused, rate) if refused else self.grant(org, call, case, payer, now)
        return call["answer"]  # type: ignore[no-any-return]

    def grant(self, org: Dict, call: Dict, case: Case, payer: str | None, now: int) -> Said:
        means, limit = self.means(org, case, call["rate"], payer, now, now), longest(org)
        seconds, minutes = self.first_slice(org, means, case)
        wished, at_most = wanted(means, min(org["slice"], limit), 0), wanted(means, limit, 0)
        final = not case.emergency and (seconds < wished or seconds >= at_most)
        held = price(means.rate, seconds - 60 * minutes) if payer == "credits" else 0
        self.set_terms(org, call, case, payer, minutes > 0, now)
        call.update(seconds=seconds, grown=seconds, final=final, due=now + (seconds + org["grace"]) * SECOND)
        call.update(minutes=minutes, over=0 < 60 * minutes < seconds, drawn=self.draw(org, held, now))
        self.hold_minutes(org, call, minutes)
        self.count_begin(org, call, case, held, now)
        told = (seconds, final, seconds - seconds // 5, call["due"], size(call["drawn"]), call["rate"])
        return "granted", *told, *self.payers(call, case)

    def payers(self, call: Dict, case: Case) -> Said:
        """Who pays the first of it, from which pool, and under which licence that is reported."""
        minutes = call["minutes"]
        payer = "pool" if minutes and not call["over"] else call["payer"]
        return payer, call["pool"], minutes, case.licence if minutes else call["paid_as"], case.emergency

    def set_terms(self, org: Dict, call: Dict, case: Case, payer: str | None, from_pool: bool, at: int) -> None:
        call.update(payer=payer or "credits", licence=case.licence, paid_as=paid_as(case, payer))
        if from_pool and case.pool:
            call.update(pool=case.pool[0], second=case.pool[1], month=rules.month_of(org, at))
        call.update(emergency=case.emergency, counted=case.person["id"] if case.person and case.guarded else None)

    def verdict(self, org: Dict, case: Case, rate: Rate | None, at: int, now: int) -> tuple[Refusal | None, str | None]:
        """Why not; else who pays what no pool pays, if anybody does."""
        self.free(org, now)
        if case.emergency:
            return None, "none"
        if refused := rules.refusal(org, case) or self.guard(org, case, rate, at, now):
            return refused, None
        refused, payer = self.who_pays(org, case, rate, rules.codes_of(case.person), now)
        return (None, payer) if self.left_of(org, case, at) else (refused, payer)

    def who_pays(
        self, org: Dict, case: Case, rate: Rate | None, codes: tuple[str, ...], now: int
    ) -> tuple[Refusal | None, str | None]:
        if case.free:
            return None, "none"
        if rate is None:
            return Refusal.NO_RATE, None
        if refused := rules.may_use_credits(org, case, codes):
            return refused, None
        if 0 < self.funds(org, now) >= price(rate, 1):
            return None, "credits"
        return (None, "postpaid") if org["postpaid"] else (Refusal.NO_BALANCE, None)

    def guard(self, org: Dict, case: Case, rate: Rate | None, at: int, now: int) -> Refusal | None:
        """Whoever passes a number is blocked."""
        if not case.guarded or not case.person:
            return None
        tally = org["tallies"].get(case.person["id"], NOTHING_COUNTED)
        _, payer = self.who_pays(org, case, rate, rules.codes_of(case.person), now)
        means = self.means(org, case, rate, payer, at, now)
        seconds, minutes = self.first_slice(org, means, case)
        hold = price(means.rate, seconds - 60 * minutes) if payer == "credits" else 0
        broken = rules.broken_limit(org, case, tally, at, hold)
        if broken and broken not in ("international", "high_risk"):
            org["people"][case.person["id"]] = case.person | {"blocked": True}
            org["blocks"] += 1
        return Refusal.FRAUD_LIMIT if broken else None

    def means(self, org: Dict, case: Case, rate: Rate | None, payer: str | None, at: int, now: int) -> Means:
        minutes = 0 if case.emergency else self.left_of(org, case, at)
        used = FREE if payer == "none" else rate or FREE
        return Means(used, minutes, payer is not None, self.funds(org, now) if payer == "credits" else PLENTY)

    def first_slice(self, org: Dict, means: Means, case: Case) -> tuple[int, int]:
        end = min(org["slice"], longest(org))
        return reach(means, min(end, case.requested or end), 0)

    def rate(self, org: Dict, case: Case, at: int) -> Rate | None:
        return None if case.free else rate_of(self.price_lists[org["price_list"]], case.kinds, case.to, at)

    def extend(self, command: Extend, org: Dict, call: Dict | None, now: int) -> Said:
        if call is None or call["state"] != "open":
            return "extended", call["seconds"] if call else 0, True, 0, 0
        if command.granted_seconds > call["seconds"]:
            return "conflict", "granted_seconds"
        if command.granted_seconds == call["seconds"]:
            self.grow(org, call, now)
        self.heard(call, now)
        return "extended", call["seconds"], call["final"], call["seconds"] - call["grown"] // 5, call["due"]

    def grow(self, org: Dict, call: Dict, now: int) -> None:
        rate, before, held = call["rate"] or FREE, call["seconds"], size(call["drawn"])
        limit = FOR_EVER if call["emergency"] else longest(org)
        step = 60 if call["minutes"] and not call["over"] else rate.step
        end = min(before + max(org["slice"], step), limit)
        payer, minutes = call["payer"], call["minutes"]
        if call["pool"] and not call["over"]:
            payer, minutes = self.payer_now(org, call, now), minutes + self.left(org, call)
        available = self.funds(org, now) + held
        funds = available if payer == "credits" else PLENTY
        means = Means(rate, minutes, payer is not None, funds)
        seconds, minutes = reach(means, end, before)
        if call["emergency"]:
            call["final"] = False
        else:
            at_most = wanted(means, limit, before)
            call["final"] = seconds < wanted(means, end, before) or max(seconds, before) >= at_most
        if seconds > before and before < limit:
            self.lengthen(org, call, seconds, minutes, payer, now)

    def lengthen(self, org: Dict, call: Dict, seconds: int, minutes: int, payer: str | None, now: int) -> None:
        self.hold_minutes(org, call, minutes - call["minutes"])
        if payer == "credits":
            cost = price(call["rate"] or FREE, seconds - 60 * minutes)
            more = self.draw(org, cost - size(call["drawn"]), now)
            self.count(org, call, held=size(more))
            call["drawn"] = call["drawn"] + more
        if 0 < 60 * minutes < seconds and not call["over"]:
            call.update(over=True, payer=payer or "credits")
        call.update(grown=seconds - call["seconds"], seconds=seconds, minutes=minutes)

    def payer_now(self, org: Dict, call: Dict, now: int) -> str | None:
        """The rules for credits, asked when its pool is used up."""
        case = rules.case_of(org, call["asked"])
        person = org["again"].get(case.person["id"]) if case.person else None
        return self.who_pays(org, case, call["rate"], rules.codes_of(person or case.person), now)[1]

    def heard(self, call: Dict, at: int) -> None:
        """The first word about the answer counts."""
        call["answered"] = call["answered"] or at
        call["due"] = call["answered"] + (call["seconds"] + 60) * SECOND

    # ---------------------------------------------------------------- and ends

    def settle(self, command: Settle, org: Dict, call: Dict | None, now: int) -> Said:
        if call is None:
            call = self.open(command, now, state="settled", settled=(0, 0, 0, 0, (), 0), talked=command.seconds)
        elif call["state"] == "stale" and call["talked"] is None:
            self.correct(command, org, call, now)
            call["talked"] = command.seconds
        elif call["settled"] is None:
            self.end(command, org, call, command.seconds, now)
            call["talked"] = command.seconds
        return self.told(org, call, now, call["talked"] != command.seconds)

    def record(self, command: Record, org: Dict, call: Dict | None, now: int) -> Said:
        if call and call["asked"] is not None:
            return differing(call["asked"], command.asked) or self.told(org, call, now)
        asked, case = command.asked, rules.case_of(org, command.asked)
        started, seconds = asked.started_at or 0, asked.duration_seconds or 0
        rate = self.rate(org, case, started)
        refused, payer = self.verdict(org, case, rate, started, now)
        call = call or self.open(command, started)
        call.update(asked=asked, rate=rate, refused=refused, seconds=0 if refused else seconds, talked=seconds)
        call["answer"] = "refused", refused, rate
        if not refused:
            left = 0 if case.emergency else self.left_of(org, case, started)
            self.set_terms(org, call, case, payer, left > 0, started)
            self.count_begin(org, call, case, 0, started)
            payers = ("pool" if left else call["payer"], call["pool"], 0, case.licence, case.emergency)
            call["answer"] = "granted", seconds, True, 0, started, 0, rate, *payers
            call["state"] = "open"
        self.end(command, org, call, seconds, now)
        return self.told(org, call, now)

    def told(self, org: Dict, call: Dict, now: int, conflict: bool = False) -> Said:
        self.free(org, now)
        return "ended", *call["settled"], org["posted"], org["held"], conflict, call["refused"]

    def end(self, command: Concerning, org: Dict, call: Dict, seconds: int, now: int, key: str = "settle") -> None:
        key = f"{key}:{command.call_id}"
        if was_granted(call):
            self.end_granted(command, org, call, seconds, now, key)
        else:
            cost = price(call["rate"] or FREE, seconds)
            self.book(command, key, [], cost)
            call.update(state="settled", due=None, settled=(0, cost, 0, 0, (), 0))

    def end_granted(self, command: Concerning, org: Dict, call: Dict, seconds: int, now: int, key: str) -> None:
        was_open, drawn, held = call["state"] == "open", call["drawn"], call["minutes"]
        most = held + (0 if call["over"] else self.left(org, call))
        self.move_minutes(org, call, min(-(-seconds // 60), most), -held)
        payer, cost = self.bill(org, call, seconds, now)
        call["charged"] = self.charge(org, drawn, cost if payer == "credits" else 0, now)
        self.book(command, key, call["charged"], with_shortfall(payer, cost, call["charged"]))
        call.update(state="settled", drawn=[], due=None, settled=self.outcome(call, seconds, payer, cost))
        self.count(org, call, was_open=-was_open, held=-size(drawn) * was_open, spent=call["settled"][0], now=now)

    def bill(self, org: Dict, call: Dict, seconds: int, now: int) -> tuple[str | None, int]:
        """Who pays what the pool did not, and how much that is."""
        rest = max(seconds - 60 * call["minutes"], 0)
        if not rest:
            return "none", 0
        is_asked = call["pool"] and not call["over"]
        payer = self.payer_now(org, call, now) if is_asked else call["payer"]
        return payer, 0 if payer == "none" else price(call["rate"] or FREE, rest)

    def correct(self, command: Settle, org: Dict, call: Dict, now: int) -> None:
        """It was charged its grant, and now its true end is known."""
        needed, key = -(-command.seconds // 60), f"settle:{command.call_id}"
        before, charge_before, more_minutes = size(call["charged"]), call["settled"][0], needed - call["minutes"]
        if call["pool"]:
            free = 0 if call["over"] else self.left(org, call)
            self.move_minutes(org, call, min(more_minutes, free), 0)
        payer, cost = self.bill(org, call, command.seconds, now)
        owed = cost if payer == "credits" else 0
        if owed >= before:
            more = self.charge(org, [], owed - before, now)
            self.book(command, key, more, max(with_shortfall(payer, cost, call["charged"]) - before, 0))
            call["charged"] = call["charged"] + more
        else:
            call["charged"], back = split(call["charged"], owed)
            self.give_back(org, back)
            postings = [("revenue", f"lot:{lot_id}", amount) for lot_id, amount in back]
            self.entries[command.org_id, key] = postings
        call["settled"] = self.outcome(call, command.seconds, payer, cost)
        self.count(org, call, spent=call["settled"][0] - charge_before, now=now)

    def outcome(self, call: Dict, seconds: int, payer: str | None, cost: int) -> Said:
        """Charge, shortfall, billed seconds, fee, the rows, and minutes of the pool."""
        minutes = call["minutes"]
        paid = cost if payer == "postpaid" else size(call["charged"])
        rows: list[tuple[Any, ...]] = [(call["licence"], "pool", minutes, 0, 60 * minutes, 0)] if minutes else []
        rows += self.row_after_pool(call, max(seconds - 60 * minutes, 0), payer, cost, paid)
        shortfall = cost - paid if payer in ("credits", None) else 0
        charge, billed_seconds, fee = (sum(row[column] for row in rows) for column in (3, 4, 5))
        return charge, shortfall, billed_seconds, fee, tuple(row[:4] for row in rows), minutes

    def row_after_pool(self, call: Dict, rest: int, payer: str | None, cost: int, paid: int) -> list[tuple[Any, ...]]:
        """What nobody pays at all is in no report."""
        rate = call["rate"] or FREE
        if rest == 0 or payer is None or (cost and not paid):
            return []
        end, fee = (rest, 0) if payer == "none" else (billed(rate, rest), rate.fee)
        return [(call["paid_as"], payer, -(-end // 60), paid, end, fee)]

    def let_go(self, command: Concerning, org: Dict, call: Dict, now: int) -> None:
        self.count(org, call, was_open=-1, held=-size(call["drawn"]))
        if call["drawn"]:
            self.charge(org, call["drawn"], 0, now)
        self.move_minutes(org, call, 0, -call["minutes"])
        call.update(state="released", drawn=[], due=None, minutes=0)

    # ---------------------------------------------------------------- minutes

    def left(self, org: Dict, call: Dict) -> int:
        return self.left_in(org, call["pool"], call["second"], call["month"]) if call["pool"] else 0

    def left_of(self, org: Dict, case: Case, at: int) -> int:
        return self.left_in(org, *case.pool, rules.month_of(org, at)) if case.pool else 0

    def left_in(self, org: Dict, pool: str, second: int, month: str) -> int:
        """What is neither used nor held; of a plan with two caps nothing when either is reached."""
        kept = org["pools"].get(pool, NOT_SIZED)
        sizes = kept["most"] if kept["month"] == month else kept["size"]
        left = [
            sizes[kind] - sum(org["minutes"][pool, month, kind, what] for what in ("used", "held")) for kind in (0, 1)
        ]
        if pool.startswith(rules.TWO_CAPS) and min(left) <= 0:
            return 0
        return max(int(left[second]), 0)

    def hold_minutes(self, org: Dict, call: Dict, more: int) -> None:
        if more:
            org["minutes"][call["pool"], call["month"], call["second"], "held"] += more

    def move_minutes(self, org: Dict, call: Dict, used: int, held: int) -> None:
        """What it held is used, or goes back."""
        if call["pool"]:
            for what, by in (("used", used), ("held", held)):
                org["minutes"][call["pool"], call["month"], call["second"], what] += by
            call["minutes"] += used + held

    # ---------------------------------------------------------------- what is counted of users

    def count_begin(self, org: Dict, call: Dict, case: Case, held: int, at: int) -> None:
        tally, day = org["tallies"].get(call["counted"], NOTHING_COUNTED), rules.day_of(org, at)
        new = case.destination not in tally["seen"]
        today = (tally["today"] if tally["day"] == day else 0) + new
        seen = (*tally["seen"], case.destination) if new else tally["seen"]
        self.count(org, call, was_open=1, held=held, seen=seen, day=day, today=today)

    def count(
        self, org: Dict, call: Dict, was_open: int = 0, held: int = 0, spent: int = 0, now: int = 0, **more: Any
    ) -> None:
        user = call["counted"]
        if user and rules.is_counting(org):
            tally = org["tallies"].get(user, NOTHING_COUNTED)
            moved = {"open": tally["open"] + was_open, "held": tally["held"] + held}
            spends = (*tally["spends"], (now, spent)) if spent else tally["spends"]
            org["tallies"][user] = tally | moved | {"spends": spends} | more

    # ---------------------------------------------------------------- money

    def free(self, org: Dict, now: int) -> dict[str, int]:
        """What can be spent of each lot, in the order of spending. Who looks at it sees what has expired go."""
        lots = sorted(org["lots"].items(), key=lambda one: (*one[1]["order"], one[0]))
        for lot_id, lot in lots:
            gone = lot["posted"] - lot["held"] if lot["ends"] <= now else 0
            lot["posted"] -= gone
            org["posted"] -= gone
            org["expired"][lot_id] = org["expired"].get(lot_id, 0) + gone
        return {lot_id: lot["posted"] - lot["held"] for lot_id, lot in lots if now < lot["ends"]}

    def funds(self, org: Dict, now: int) -> int:
        available: int = sum(self.free(org, now).values()) - org["debt"]
        return available

    def draw(self, org: Dict, wanted: int, now: int) -> Drawn:
        free = self.free(org, now)
        parts, _ = split(list(free.items()), max(min(wanted, sum(free.values()) - org["debt"]), 0))
        for lot_id, amount in parts:
            org["lots"][lot_id]["held"] += amount
            org["held"] += amount
        return parts

    def charge(self, org: Dict, drawn: Drawn, cost: int, now: int) -> Drawn:
        """From what is drawn, whose rest goes back, then from what is there."""
        spent, rest = split(drawn, cost)
        for lot_id, amount in rest:
            org["lots"][lot_id]["held"] -= amount
            org["held"] -= amount
        spent = spent + self.draw(org, cost - size(spent), now)
        for lot_id, amount in spent:
            for counter in ("posted", "held"):
                org["lots"][lot_id][counter] -= amount
                org[counter] -= amount
        return spent

    def give_back(self, org: Dict, parts: Drawn) -> None:
        for lot_id, amount in parts:
            org["lots"][lot_id]["posted"] += amount
            org["posted"] += amount

    def book(self, command: Concerning, key: str, spent: Drawn, cost: int) -> None:
        postings = [(f"lot:{lot_id}", "revenue", amount) for lot_id, amount in spent]
        if cost > size(spent):
            postings.append(("shortfall", "revenue", cost - size(spent)))
        if postings:
            assert (command.org_id, key) not in self.entries
            self.entries[command.org_id, key] = postings


def longest(org: Dict) -> int:
    return int(min(org["longest"], org["guard"].get("call_seconds", org["longest"])))


def paid_as(case: Case, payer: str | None) -> str:
    return case.licence if payer == "none" else case.paid_as


def with_shortfall(payer: str | None, cost: int, charged: Drawn) -> int:
    """What the books say of it: what was charged, and what of the price nobody paid."""
    return cost if payer in ("credits", None) else size(charged)


def was_granted(call: Dict) -> bool:
    return call["asked"] is not None and not call["refused"]


def differing(earlier: Asked, later: Asked) -> Said | None:
    for field in ("call_type", "to", "user", "from_", "conference_id", "switch", "requested_seconds", "started_at"):
        if getattr(earlier, field) != getattr(later, field):
            return "conflict", field.rstrip("_")
    return ("conflict", "duration_seconds") if earlier.duration_seconds != later.duration_seconds else None


def split(parts: Drawn, amount: int) -> tuple[Drawn, Drawn]:
    """The first `amount` of it, and the rest."""
    first, rest = [], []
    for lot_id, there in parts:
        taken = min(there, amount)
        amount -= taken
        first += [(lot_id, taken)] if taken else []
        rest += [(lot_id, there - taken)] if there > taken else []
    return first, rest
