"""What a run of Autobahn's fuzzing client must have found."""

from collections.abc import Mapping
from typing import Any, Final

SLOW: Final = ("9.*", "12.*", "13.*")
"""Large messages, and compressed ones by the thousand: these take a quarter of an hour a server."""

NUMBER: Final = 517
NUMBER_OF_SLOW: Final = 270
"""Cases of version 0.8.2."""

INFORMATIONAL: Final = frozenset({"7.1.6", "7.13.1", "7.13.2"})
"""Cases that ask what a server does where it may do as it likes: a close behind a large message, and closes
with codes that mean nothing."""

Report = Mapping[str, Mapping[str, Any]]
"""Results by case."""


def find_faults(report: Report, number: int) -> list[str]:
    """Return what is wrong with the report of a server; nothing, if all is as it must be.

    :param number: how many cases there are to be.
    """
    faults = [] if len(report) == number else [f"{len(report)} cases were run; there are {number}"]
    for case, result in report.items():
        wanted = "INFORMATIONAL" if case in INFORMATIONAL else "OK"
        got = result["behavior"], result["behaviorClose"]
        if got != (wanted, wanted):
            faults.append(f"case {case} is {got[0]}, its close {got[1]}; both must be {wanted}")
    return faults
