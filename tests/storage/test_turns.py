"""At the one connection that writes, a switch's batch waits for one person at most."""

import threading
import time

from talktime.storage.turns import Turns


def test_an_urgent_one_is_next_however_many_wait() -> None:
    turns, order = Turns(), list[str]()
    began = threading.Event()

    def patient() -> None:
        with turns.patient():
            began.set()
            order.append("patient")
            time.sleep(0.02)

    def urgent() -> None:
        with turns.urgent():
            order.append("urgent")

    people = [threading.Thread(target=patient) for _ in range(8)]
    for one in people:
        one.start()
    began.wait()
    switch = threading.Thread(target=urgent)
    switch.start()
    for one in [switch, *people]:
        one.join()
    assert order.index("urgent") <= 2
    assert len(order) == 9


def test_who_waits_has_a_turn_though_one_batch_follows_the_other_at_once() -> None:
    turns, stop = Turns(), threading.Event()

    def batches() -> None:
        while not stop.is_set():
            with turns.urgent():
                time.sleep(0.001)

    switch = threading.Thread(target=batches)
    switch.start()
    began = time.monotonic()
    for _ in range(20):
        with turns.patient():
            pass
    waited = time.monotonic() - began
    stop.set()
    switch.join()
    assert waited < 20


def test_only_one_has_a_turn_at_a_time_also_after_a_failure() -> None:
    turns, inside, most = Turns(), 0, 0

    def take(way: str) -> None:
        nonlocal inside, most
        for _ in range(200):
            try:
                with getattr(turns, way)():
                    inside += 1
                    most = max(most, inside)
                    inside -= 1
                    raise ValueError
            except ValueError:
                pass

    threads = [threading.Thread(target=take, args=(way,)) for way in ("patient", "urgent", "patient", "urgent")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (most, inside) == (1, 0)
