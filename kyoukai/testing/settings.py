"""What the environment sets for runs of the kit; a setting that is no good is one error that names it."""

import os
import random
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = (
    "EXAMPLES_VARIABLE",
    "SCALE_VARIABLE",
    "SEED_VARIABLE",
    "SettingError",
    "check_settings",
    "choose_seed",
    "example_count",
    "timeout_scale",
)

Number = TypeVar("Number", int, float)

SCALE_VARIABLE: Final = "KYOUKAI_TIMEOUT_SCALE"
"""By what the seconds of every patience are multiplied, where a machine is slow."""

SEED_VARIABLE: Final = "KYOUKAI_SEED"
"""What random cuttings and conversations are made from: the same number makes the same of them again."""

EXAMPLES_VARIABLE: Final = "KYOUKAI_EXAMPLES"
"""How many conversations are made up and compared."""

EXAMPLES: Final = 500


class SettingError(ValueError):
    """A variable of the environment has a value that it cannot have."""


def timeout_scale() -> float:
    """Return what the seconds of every patience are multiplied by.

    :raises SettingError: if the environment sets no number above zero.
    """
    return _read(SCALE_VARIABLE, float, lambda scale: scale > 0, "a number above zero") or 1.0


def choose_seed() -> int:
    """Return the seed that the environment sets, or a new one.

    :raises SettingError: if the environment sets one that is no whole number.
    """
    seed = _read(SEED_VARIABLE, int, lambda seed: True, "a whole number")
    return random.SystemRandom().randrange(2**32) if seed is None else seed


def example_count() -> int:
    """Return how many conversations are made up.

    :raises SettingError: if the environment sets no whole number of at least 0.
    """
    count = _read(EXAMPLES_VARIABLE, int, lambda count: count >= 0, "a whole number, 0 or more")
    return EXAMPLES if count is None else count


def check_settings() -> None:
    """Look at all of them, before anything is run.

    :raises SettingError: if one is no good.
    """
    timeout_scale()
    choose_seed()
    example_count()


def _read(
    variable: str, kind: Callable[[str], Number], is_good: Callable[[Number], bool], right: str
) -> Number | None:
    value = os.environ.get(variable)
    if not value:
        return None
    try:
        number = kind(value)
    except ValueError:
        number = None
    if number is None or not is_good(number):
        raise SettingError(f"{variable} is {value!r}; it must be {right}")
    return number
