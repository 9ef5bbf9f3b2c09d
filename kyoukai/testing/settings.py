"""Environment variables of the kit. An invalid value raises an error that names the variable."""

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
"""Factor for all timeouts, for slow machines."""

SEED_VARIABLE: Final = "KYOUKAI_SEED"
"""Seed of random splits and generated conversations; the same number repeats the same run."""

EXAMPLES_VARIABLE: Final = "KYOUKAI_EXAMPLES"
"""How many conversations are generated and compared."""

EXAMPLES: Final = 500


class SettingError(ValueError):
    """An environment variable has an invalid value."""


def timeout_scale() -> float:
    """Return the factor for all timeouts.

    :raises SettingError: if the environment sets anything but a number above zero.
    """
    return _read(SCALE_VARIABLE, float, lambda scale: scale > 0, "a number above zero") or 1.0


def choose_seed() -> int:
    """Return the seed set by the environment, or a new one.

    :raises SettingError: if the environment sets anything but a whole number.
    """
    seed = _read(SEED_VARIABLE, int, lambda seed: True, "a whole number")
    return random.SystemRandom().randrange(2**32) if seed is None else seed


def example_count() -> int:
    """Return how many conversations to generate.

    :raises SettingError: if the environment sets anything but a whole number of at least 0.
    """
    count = _read(EXAMPLES_VARIABLE, int, lambda count: count >= 0, "a whole number, 0 or more")
    return EXAMPLES if count is None else count


def check_settings() -> None:
    """Check all variables before anything runs.

    :raises SettingError: if one is invalid.
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
