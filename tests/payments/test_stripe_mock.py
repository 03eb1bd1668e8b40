"""The long form is `python -m tests.payments.stripe_mock`; it fails, and is not passed over, where it cannot be run."""

import pytest

from tests.payments import stripe_mock


@pytest.mark.prove
def test_stripe_itself_understands_everything_that_we_ask() -> None:
    assert "all understood" in stripe_mock.run()


@pytest.mark.prove
def test_stripe_itself_tells_what_it_does_not_understand() -> None:
    changes = {"charge", "charge in person", "cancel what never came", "refund", "begin a card", "begin another card"}
    assert changes <= stripe_mock.refused_with_nonsense().keys()
