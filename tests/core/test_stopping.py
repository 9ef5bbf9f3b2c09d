"""Steps of which one that fails skips no other."""

import asyncio

import pytest

from kyoukai.core.stopping import run_all


def test_all_steps_are_taken_and_what_one_raised_is_raised() -> None:
    taken = []

    async def take(number: int, error: BaseException | None = None) -> None:
        taken.append(number)
        if error is not None:
            raise error

    first, second = OSError("first"), asyncio.CancelledError()
    with pytest.raises(OSError, match="first") as raised:
        asyncio.run(run_all([lambda: take(1, first), lambda: take(2)], "failed"))
    assert raised.value is first
    with pytest.raises(BaseExceptionGroup) as group:
        asyncio.run(run_all([lambda: take(3, first), lambda: take(4, second), lambda: take(5)], "failed"))
    assert group.value.exceptions == (first, second)
    assert taken == [1, 2, 3, 4, 5]
