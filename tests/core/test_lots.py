from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from talktime.core.lots import Lot, Move, Part, Parts, Purse, joined, spending_order, split, split_last, total

NOW = 1_000


def lot(lot_id: str, posted: int = 100, held: int = 0, ends: int = 2_000, **fields: int) -> Lot:
    return Lot(lot_id, posted, held, fields.get("bought", 0), ends, fields.get("priority", 100), "gift" in lot_id)


# --------------------------------------------------------------------------------------------------- order

IN_ORDER = (
    lot("z_preferred", priority=99, ends=9_000),
    lot("y_ends_first", ends=1_500),
    lot("x_gift", bought=5),
    lot("w_older", bought=1),
    lot("a_same", bought=2),
    lot("b_same", bought=2),
    lot("a_last_choice", priority=101, ends=1_001),
)


def test_lots_are_spent_by_priority_then_end_then_gifts_then_age_then_id() -> None:
    for mixed in permutations(IN_ORDER):
        assert tuple(sorted(mixed, key=spending_order)) == IN_ORDER


def test_what_is_paid_alone_is_spent_first_in_first_out() -> None:
    year = 365
    bought = tuple(lot(f"lot{9 - day}", bought=day, ends=day + year) for day in range(4))
    for mixed in permutations(bought):
        assert tuple(sorted(mixed, key=spending_order)) == bought


def test_a_hold_draws_in_spending_order() -> None:
    purse = Purse([lot("later", ends=3_000), lot("sooner")])
    assert purse.hold(130, NOW) == (Part("sooner", 100), Part("later", 30))
    assert purse.available(NOW) == 70


# --------------------------------------------------------------------------------------------------- parts

parts = st.lists(st.builds(Part, st.sampled_from("abc"), st.integers(1, 50)), max_size=6).map(tuple)


@given(parts, st.integers(0, 350))
def test_a_split_takes_from_the_front_and_loses_nothing(drawn: tuple[Part, ...], amount: int) -> None:
    taken, left = split(drawn, amount)
    assert total(taken) == min(amount, total(drawn))
    assert total(taken) + total(left) == total(drawn)
    assert one_by_one(taken) + one_by_one(left) == one_by_one(drawn)


@given(parts, st.integers(0, 350))
def test_what_was_drawn_last_goes_back_first(drawn: tuple[Part, ...], amount: int) -> None:
    back, left = split_last(drawn, amount)
    assert total(back) == min(amount, total(drawn))
    assert one_by_one(left) + one_by_one(back[::-1]) == one_by_one(drawn)


def one_by_one(drawn: tuple[Part, ...]) -> str:
    """Every micro by the name of its lot, in order."""
    return "".join(part.lot_id * part.amount for part in drawn)


@given(parts, parts)
def test_a_hold_that_grew_is_what_was_held_and_what_came(earlier: tuple[Part, ...], later: tuple[Part, ...]) -> None:
    assert one_by_one(joined(earlier, later)) == one_by_one(earlier) + one_by_one(later)


def test_a_hold_that_grew_by_more_of_its_last_lot_names_it_once() -> None:
    assert joined((Part("a", 1), Part("b", 2)), (Part("b", 3), Part("c", 4))) == (("a", 1), ("b", 5), ("c", 4))
    assert joined((Part("a", 1),), (Part("b", 2),)) == (("a", 1), ("b", 2))


# --------------------------------------------------------------------------------------------------- holding


def test_what_others_hold_is_not_available() -> None:
    assert Purse([lot("one", posted=100, held=40)]).available(NOW) == 60


def test_no_more_is_held_than_there_is() -> None:
    purse = Purse([lot("one"), lot("two", held=100)])
    assert purse.hold(500, NOW) == (Part("one", 100),)
    assert purse.hold(1, NOW) == ()


def test_a_hold_that_is_given_back_leaves_no_trace() -> None:
    purse = Purse([lot("one")])
    purse.give_back(purse.hold(30, NOW))
    assert purse.available(NOW) == 100
    assert purse.moved == {"one": Move(0, 0, "spent")}


def test_a_charge_takes_what_was_held() -> None:
    purse = Purse([lot("one")])
    purse.charge(purse.hold(100, NOW))
    assert purse.moved == {"one": Move(-100, 0, "spent")}
    assert purse.available(NOW) == 0


def test_a_charge_that_was_too_high_can_be_spent_again() -> None:
    purse = Purse([lot("one")])
    purse.charge(purse.hold(100, NOW))
    purse.restore((Part("one", 40),))
    assert purse.hold(100, NOW) == (Part("one", 40),)


# --------------------------------------------------------------------------------------------------- the end of a lot


def test_the_instant_of_its_end_is_already_too_late() -> None:
    purse = Purse([lot("one", ends=NOW)])
    assert (purse.available(NOW - 1), purse.available(NOW)) == (100, 0)
    assert purse.hold(1, NOW) == ()


def test_what_is_free_of_an_ended_lot_expires_once() -> None:
    purse = Purse([lot("one", held=30, ends=NOW), lot("two")])
    assert purse.expire(NOW - 1) == ()
    assert purse.expire(NOW) == (Part("one", 70),)
    assert purse.expire(NOW) == ()
    assert purse.moved == {"one": Move(-70, 0, "expired")}


def test_a_hold_survives_the_end_of_its_lot_and_what_comes_back_expires() -> None:
    purse = Purse([lot("one", held=30, ends=NOW)])
    purse.expire(NOW)
    purse.charge((Part("one", 20),))
    purse.give_back((Part("one", 10),))
    assert purse.available(NOW) == 0
    assert purse.expire(NOW) == (Part("one", 10),)
    assert purse.moved == {"one": Move(-100, -30, "expired")}


# --------------------------------------------------------------------------------------------------- debt


def test_debt_makes_the_balance_negative_when_nothing_else_is_there() -> None:
    assert Purse([], debt=40).available(NOW) == -40


def test_the_next_money_pays_the_debt_before_it_can_be_held() -> None:
    purse = Purse([lot("one")], debt=40)
    assert purse.available(NOW) == 60
    assert purse.hold(100, NOW) == (Part("one", 60),)
    assert purse.hold(100, NOW) == ()


def test_while_there_is_more_debt_than_money_nothing_can_be_held() -> None:
    assert Purse([lot("one")], debt=140).hold(10, NOW) == ()


# --------------------------------------------------------------------------------------------------- whatever comes

some_lots = st.lists(
    st.builds(
        lambda posted, held, ends, priority: lot("", posted, min(held, posted), ends, priority=priority),
        st.integers(1, 100),
        st.integers(0, 100),
        st.integers(NOW - 1, NOW + 2),
        st.integers(99, 101),
    ),
    max_size=4,
).map(
    lambda made: [Lot(f"lot{n}", one.posted, one.held, 0, one.expires_at, one.priority) for n, one in enumerate(made)]
)
steps = st.lists(
    st.tuples(st.sampled_from(["hold", "charge", "give back", "expire"]), st.integers(0, 150)), max_size=12
)


@given(some_lots, st.sampled_from([0, 0, 30]), steps)
def test_no_lot_is_ever_below_what_it_holds(lots: list[Lot], debt: int, steps: list[tuple[str, int]]) -> None:
    purse = Purse(lots, debt)
    holds: list[Parts] = [(Part(one.lot_id, one.held),) for one in lots if one.held]
    for step, amount in steps:
        match step:
            case "hold":
                before = purse.available(NOW)
                holds.append(purse.hold(amount, NOW))
                assert total(holds[-1]) == max(min(amount, before), 0)
                assert purse.available(NOW) == before - total(holds[-1])
            case "charge" if holds:
                purse.charge(holds.pop())
            case "give back" if holds:
                purse.give_back(holds.pop())
            case "expire":
                purse.expire(NOW)
    held = [part for drawn in holds for part in drawn]
    for one in lots:
        moved = purse.moved.get(one.lot_id, Move(0, 0, ""))
        assert one.held + moved.held == total(part for part in held if part.lot_id == one.lot_id)
        assert one.held + moved.held <= one.posted + moved.posted
