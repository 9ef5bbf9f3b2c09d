"""Shrink a failing example: remove every part that is not needed for the failure.

This is delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input"). Runs
of elements are removed, long ones first, until no single element can be removed. If few elements remain,
every possible run is tried. The function is asynchronous because ``fails`` is, and does not depend on what
the elements are.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

LITTLE: Final = 24
"""Up to this many elements, every run is tried: about three hundred."""


async def shrink(elements: Sequence[T], fails: Callable[[Sequence[T]], Awaitable[bool]]) -> Sequence[T]:
    """Return a minimal part of ``elements``, in order, that still fails: no element can be removed.

    :param fails: returns whether a part fails; the whole must fail.
    """
    size = max(1, len(elements) // 2)
    while True:
        elements, is_smaller = await _leave_out(elements, fails, size, size)
        if size > 1:
            size //= 2
        elif not is_smaller:
            break
    size = len(elements) if len(elements) <= LITTLE else 0
    while size > 1:
        elements, is_smaller = await _leave_out(elements, fails, size, 1)
        size = min(size - 1, len(elements))
    return elements


async def _leave_out(
    elements: Sequence[T], fails: Callable[[Sequence[T]], Awaitable[bool]], size: int, step: int
) -> tuple[Sequence[T], bool]:
    """Remove each run of ``size`` elements that is not needed, from the end, in steps."""
    is_smaller = False
    start = len(elements) - size
    while start > -step:
        rest = [*elements[: max(0, start)], *elements[start + size :]]
        if len(rest) < len(elements) and await fails(rest):
            elements, is_smaller = rest, True
        start -= step
    return elements, is_smaller
