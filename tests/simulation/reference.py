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
from tests.simulation.on_paper import FREE, Rate, billed, covered, is_free, price, rate_of, whole

SECOND = 1_000_000
NOBODY_IS_ASKED = ("ucap_in", "unassigned_in")

Dict = dict[str, Any]
Said = tuple[Any, ...]
Drawn = list[tuple[str, int]]


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
        nothing = dict.fromkeys(("asked", "refused", "rate", "answered", "due", "talked", "settled"))
        fresh = {"state": "open", "opened": now, "seconds": 0, "grown": 0, "final": False, "drawn": [], "charged": []}
        self.calls[command.org_id, command.call_id] = call = nothing | fresh | known
        return call

    def authorize(self, command: Authorize, org: Dict, call: Dict | None, now: int) -> Said:
        if call is None:
            return self.begin(command, org, now)
        if call["asked"] is not None:
            return differing(call["asked"], command.asked) or call["answer"]
        call.update(asked=command.asked, refused=Refusal.ALREADY_ENDED, rate=self.rate(command, org, now))
        if call["talked"] is not None:
            self.end(command, org, call, call["talked"], now)
        call["answer"] = "refused", Refusal.ALREADY_ENDED, call["rate"]
        return call["answer"]  # type: ignore[no-any-return]

    def begin(self, command: Authorize, org: Dict, now: int) -> Said:
        asked, rate = command.asked, self.rate(command, org, now)
        refused = self.refusal(command, org, rate, now)
        call = self.open(command, now, asked=asked, rate=rate, refused=refused, state="refused" if refused else "open")
        if refused:
            call["answer"] = "refused", refused, rate
            return call["answer"]  # type: ignore[no-any-return]
        used, limit = rate or FREE, min(org["slice"], org["longest"])
        most = whole(used, limit)
        seconds = covered(used, min(most, asked.requested_seconds or most), self.funds(org, asked, now), 0)
        final = seconds < most or seconds == whole(used, org["longest"])
        call.update(seconds=seconds, grown=seconds, final=final, due=now + (seconds + org["grace"]) * SECOND)
        call["drawn"] = self.draw(org, price(used, seconds), now)
        call["answer"] = "granted", seconds, final, seconds - seconds // 5, call["due"], size(call["drawn"]), rate
        return call["answer"]  # type: ignore[no-any-return]

    def refusal(self, command: Authorize, org: Dict, rate: Rate | None, now: int) -> Refusal | None:
        asked, digits = command.asked, command.asked.to[1:]
        available = sum(self.free(org, now).values()) - org["debt"]
        if org["closed"]:
            return Refusal.ORGANIZATION_CLOSED
        if not (asked.to[:1] == "+" and digits.isdigit() and digits[0] != "0" and 7 <= len(digits) <= 15):
            return Refusal.INVALID_NUMBER
        if not (asked.user in org["users"] or asked.call_type in NOBODY_IS_ASKED or asked.call_type[:3] == "dr_"):
            return Refusal.NO_LICENCE
        if is_free(asked):
            return None
        if rate is None:
            return Refusal.NO_RATE
        if not org["set_up"]:
            return Refusal.CREDITS_NOT_SET_UP
        return None if 0 < available >= price(rate, 1) else Refusal.NO_BALANCE

    def rate(self, command: Authorize, org: Dict, at: int) -> Rate | None:
        return rate_of(self.price_lists[org["price_list"]], command.asked, at)

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
        most = whole(rate, min(before + max(org["slice"], rate.step), org["longest"]))
        seconds = covered(rate, most, held + self.funds(org, call["asked"], now), before)
        more = self.draw(org, price(rate, seconds) - held, now) if seconds > before else []
        final = seconds < most or seconds >= whole(rate, org["longest"])
        call.update(seconds=seconds, final=final, grown=seconds - before or call["grown"], drawn=call["drawn"] + more)

    def heard(self, call: Dict, at: int) -> None:
        """The first word about the answer counts."""
        call["answered"] = call["answered"] or at
        call["due"] = call["answered"] + (call["seconds"] + 60) * SECOND

    # ---------------------------------------------------------------- and ends

    def settle(self, command: Settle, org: Dict, call: Dict | None, now: int) -> Said:
        if call is None:
            call = self.open(command, now, state="settled", settled=(0, 0, 0, 0, ()), talked=command.seconds)
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
        started, seconds = command.asked.started_at or 0, command.asked.duration_seconds or 0
        rate = self.rate(command, org, started)
        refused = self.refusal(command, org, rate, now)
        call = call or self.open(command, started)
        granted = 0 if refused else seconds
        call.update(asked=command.asked, rate=rate, refused=refused, seconds=granted, talked=seconds)
        call["answer"] = ("refused", refused, rate) if refused else ("granted", seconds, True, 0, started, 0, rate)
        self.end(command, org, call, seconds, now)
        return self.told(org, call, now)

    def told(self, org: Dict, call: Dict, now: int, conflict: bool = False) -> Said:
        self.free(org, now)
        return "ended", *call["settled"], org["posted"], org["held"], conflict, call["refused"]

    def end(self, command: Concerning, org: Dict, call: Dict, seconds: int, now: int, key: str = "settle") -> None:
        cost = price(call["rate"] or FREE, seconds)
        if was_granted(call):
            call["charged"] = self.charge(org, call["drawn"], cost, now)
        self.book(command, f"{key}:{command.call_id}", call["charged"], cost)
        call.update(state="settled", drawn=[], due=None, settled=self.outcome(call, seconds, cost))

    def correct(self, command: Settle, org: Dict, call: Dict, now: int) -> None:
        """It was charged its grant, and now its true end is known."""
        cost, key = price(call["rate"] or FREE, command.seconds), f"settle:{command.call_id}"
        before = size(call["charged"])
        if cost >= before:
            more = self.charge(org, [], cost - before, now)
            call["charged"] = call["charged"] + more
            self.book(command, key, more, cost - before)
        else:
            kept, back = split(call["charged"], cost)
            for lot_id, amount in back:
                org["lots"][lot_id]["posted"] += amount
                org["posted"] += amount
            postings = [("revenue", f"lot:{lot_id}", amount) for lot_id, amount in back]
            self.entries[command.org_id, key] = postings
            call["charged"] = kept
        call["settled"] = self.outcome(call, command.seconds, cost)

    def outcome(self, call: Dict, seconds: int, cost: int) -> Said:
        """Charge, shortfall, billed seconds, fee, and the rows: minutes, payer, charge."""
        charge, rate = size(call["charged"]), call["rate"] or FREE
        if seconds <= 0 or not was_granted(call) or (cost > 0 and charge == 0):
            return charge, cost - charge, 0, 0, ()
        end = billed(rate, seconds)
        payer = "none" if is_free(call["asked"]) else "credits"
        return charge, cost - charge, end, rate.fee, ((-(-end // 60), payer, charge),)

    def let_go(self, command: Concerning, org: Dict, call: Dict, now: int) -> None:
        if call["drawn"]:
            self.charge(org, call["drawn"], 0, now)
        call.update(state="released", drawn=[], due=None)

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

    def funds(self, org: Dict, asked: Asked, now: int) -> float:
        available = sum(self.free(org, now).values()) - org["debt"]
        return float("inf") if is_free(asked) else available

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

    def book(self, command: Concerning, key: str, spent: Drawn, cost: int) -> None:
        postings = [(f"lot:{lot_id}", "revenue", amount) for lot_id, amount in spent]
        if cost > size(spent):
            postings.append(("shortfall", "revenue", cost - size(spent)))
        if postings:
            assert (command.org_id, key) not in self.entries
            self.entries[command.org_id, key] = postings


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
