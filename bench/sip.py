"""How much later a call begins since somebody asked whether it may, and whether many long calls are all paid.

    python -m bench.sip                  both, about 8 minutes
    python -m bench.sip --delay          20 calls a second for a minute, beside the same proxy that asks nobody
    python -m bench.sip --hold           200 calls at once for 5 minutes, extended every 48 s

Everything is on one machine: sipp as callers and callees, Kamailio, the server, its database (SQLite).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import psutil

from bench.machine import Watch, facts
from tests.sip.kamailio import Proxy
from tests.sip.lab import PER_SECOND, House, Lab, opened, until
from tests.sip.sipp import Calls
from tests.support.server import serving

MEDIAN_MS_MAX, P99_MS_MAX = 5.0, 25.0
RATE, DELAY_SECONDS, SHORT_SECONDS = 20, 60, 2.0
HELD, HELD_SECONDS = 200, 300.0
SLICE_SECONDS = 60
SAID_SECONDS_MAX = 1.0
"""How far what was charged may be from what sipp counts: the one counts whole seconds, the other sees messages."""


class Delay(NamedTuple):
    """Milliseconds from an INVITE's departure to its arrival at the callee."""

    calls: int
    half: float
    most: float
    """p99."""
    others: float
    """Percent of the machine that others used meanwhile."""

    def __str__(self) -> str:
        return (
            f"median {self.half:.2f} ms, p99 {self.most:.2f} ms ({self.calls} calls; others used {self.others:.0f} %)"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sip", description=__doc__.splitlines()[0])
    parser.add_argument("--delay", action="store_true", help="only the delay of an INVITE")
    parser.add_argument("--hold", action="store_true", help="only many calls at once")
    parser.add_argument("--seconds", type=float, help="how long the calls are held, or begun")
    chosen = parser.parse_args()
    both = chosen.delay == chosen.hold
    print(f"machine: {facts()}, load {psutil.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory(prefix="talktime-sip-") as name:
        folder = Path(name)
        with serving(folder / "data") as server, opened(folder, server, houses=8) as lab:
            good = (not (both or chosen.delay)) or delays(lab, int(chosen.seconds or DELAY_SECONDS))
            return 0 if (not (both or chosen.hold) or hold(lab, chosen.seconds or HELD_SECONDS)) and good else 1


# ------------------------------------------------------------------------------------------------- the delay


def delays(lab: Lab, seconds: int) -> bool:
    """Alternating, so that a noisy minute is nobody's alone."""
    with silent(lab) as unasking:
        house = lab.house("10000", slice_seconds=SLICE_SECONDS)
        measured: dict[str, list[Delay]] = {"asked": [], "not asked": []}
        for turn in range(4):
            kind = ("asked", "not asked")[turn % 2]
            one = delay(lab, house, unasking if turn % 2 else lab.proxy, seconds // 2)
            measured[kind].append(one)
            print(f"{kind}: {one}", flush=True)
    asked, plain = (_middle(those) for those in measured.values())
    # A slow moment of the one is not to be taken from a slow moment of the other.
    half, most = asked.half - plain.half, asked.most - plain.half
    print(f"INVITE delay added by asking at {RATE} calls a second: median {half:.1f} ms, p99 {most:.1f} ms", flush=True)
    return half <= MEDIAN_MS_MAX and most <= P99_MS_MAX


def _middle(those: Sequence[Delay]) -> Delay:
    return Delay(sum(one.calls for one in those), *(median(part) for part in list(zip(*those, strict=True))[1:]))


@contextmanager
def silent(lab: Lab) -> Iterator[Proxy]:
    """The same configuration, but every call is connected without a question."""
    with lab.own_proxy("silent", start=False) as proxy:
        file = proxy.folder / "asking.cfg"
        connects = "route[BEGIN] {\n\t$avp(total) = 60;\n\t$avp(extend_after) = 0;\n\troute(CONNECT);\n\texit;\n"
        text = file.read_text()
        assert "route[BEGIN] {\n" in text
        file.write_text(text.replace("route[BEGIN] {\n", connects, 1))
        proxy.start()
        yield proxy


def delay(lab: Lab, house: House, proxy: Proxy, seconds: int) -> Delay:
    with _watched(lab, proxy) as watch:
        calls = house.calling(by=proxy, times=RATE * seconds, rate=RATE, holds=SHORT_SECONDS).ended(seconds + 60)
    passed = sorted(_passed(lab, calls))
    assert len(passed) == RATE * seconds, f"{len(passed)} of {RATE * seconds} calls arrived"
    return Delay(len(passed), median(passed), quantiles(passed, n=100)[98], watch.others)


def _passed(lab: Lab, calls: Calls) -> list[float]:
    arrived = lab.callees.talks
    return [
        (arrived[call_id].asked_at - talk.asked_at) * 1e3 for call_id, talk in calls.talks.items() if call_id in arrived
    ]


def _watched(lab: Lab, proxy: Proxy) -> Watch:
    return Watch([psutil.Process(pid) for pid in {lab.server.pid, lab.proxy.pid, proxy.pid, lab.callees.process.pid}])


# ------------------------------------------------------------------------------------------------- many at once


def hold(lab: Lab, seconds: float) -> bool:
    house = lab.house("100000", slice_seconds=SLICE_SECONDS)
    with _watched(lab, lab.proxy) as watch:
        calls = house.calling(times=HELD, rate=RATE, holds=seconds)
        calls.ended(seconds + HELD / RATE + 60)
    talks = calls.talks
    cut = [talk for talk in talks.values() if talk.final != 200 or talk.was_hung_up]
    found = until(lambda: _all_over(house, HELD), "all calls are over", told=lambda: _unfinished(house))
    unpaid = [call for call in found if not _is_paid(call, seconds)]
    spent = sum(Decimal(call["charge"]) for call in found)
    left = house.organization.balance()
    adds_up = left["held"] == "0" and Decimal(left["balance"]) == house.funds - spent
    told = sum(call["granted_seconds"] // SLICE_SECONDS - 1 for call in found)
    print(
        f"{len(talks)} calls held for {seconds:.0f} s, {told} extensions: "
        f"{len(cut)} cut wrongly, {len(unpaid)} unpaid, "
        f"the balance {'adds up' if adds_up else 'DOES NOT ADD UP'} (others used {watch.others:.0f} % of the machine)",
        flush=True,
    )
    return not cut and not unpaid and adds_up and len(talks) == HELD


def _all_over(house: House, count: int) -> list[dict[str, str]]:
    calls = house.calls()
    return calls if len(calls) == count and all(call["state"] != "open" for call in calls) else []


def _unfinished(house: House) -> str:
    calls = house.calls()
    return f"{len(calls)} calls, {[call for call in calls if call['state'] == 'open'][:3]}"


def _is_paid(call: dict[str, object], seconds: float) -> bool:
    talked = int(str(call["duration_seconds"] or 0))
    paid = Decimal(str(call["charge"]))
    return call["state"] == "settled" and abs(talked - seconds) <= SAID_SECONDS_MAX and paid == talked * PER_SECOND


if __name__ == "__main__":
    sys.exit(main())
