"""The deadline of a body: only the time counts in which the client could send."""

from kyoukai.core.limits import Limits
from kyoukai.core.serving.data_rate import DataRate

LIMITS = Limits(body_timeout=10, min_body_rate=100)


def test_a_body_that_stands_still() -> None:
    pace = DataRate(1000)
    assert pace.deadline(LIMITS) == 1010
    pace.note(1005, 100_000)
    assert pace.deadline(LIMITS) == 1015


def test_a_body_that_comes_slowly() -> None:
    pace = DataRate(1000)
    pace.note(1005, 100)
    assert pace.deadline(LIMITS) == 1011
    assert pace.received == 100


def test_a_client_that_waits_for_continue_has_not_begun() -> None:
    pace = DataRate(1000)
    pace.client_waits = True
    pace.note(2000, 100)
    assert pace.deadline(LIMITS) == 2010


def test_a_client_that_is_made_to_wait_is_not_late() -> None:
    pace = DataRate(1000)
    pace.note(1005, 200)
    assert not pace.is_held
    pace.hold(1005)
    assert pace.is_held
    pace.let_go(5005)
    assert not pace.is_held
    # Ten seconds, two for what has come, and those in which it was held.
    assert pace.deadline(LIMITS) == 5012
    pace.note(5006, 100_000)
    assert pace.deadline(LIMITS) == 5016
