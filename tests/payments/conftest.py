from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.payments.shops import FAKE, LOCALSTRIPE, Shop
from tests.support.fake_stripe import FakeStripe
from tests.support.localstripe import LocalStripe

# On a busy machine a single example may take long; that says nothing about the property.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe() as stripe:
        yield stripe


@pytest.fixture(scope="session")
def local() -> Iterator[LocalStripe]:
    with LocalStripe() as stripe:
        yield stripe


@pytest.fixture(params=[FAKE, LOCALSTRIPE])
def shop(request: pytest.FixtureRequest) -> Shop:
    """The same sentences against ours and against one that others wrote."""
    if request.param == LOCALSTRIPE:
        local: LocalStripe = request.getfixturevalue("local")
        return Shop(local.provider(), local.card)
    fake: FakeStripe = request.getfixturevalue("fake")
    return Shop(fake.provider(), fake.account.card)
