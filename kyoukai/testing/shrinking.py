"""Making an example small: what can be left out without its failing is left out.

It is delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input"):
runs of elements are left out, first long ones, then shorter ones, until not even one can be. What
remains, if it is little, is tried for every run that there is. It is asynchronous as what it asks
is, and knows nothing of what the elements are.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

LITTLE: Final = 24
"""Of so many elements every run is tried: some three hundred."""


async def shrink(elements: Sequence[T], fails: Callable[[Sequence[T]], Awaitable[bool]]) -> Sequence[T]:
    """Return a part of ``elements``, in order, that fails still, of which none can be left out.

    :param fails: returns whether a part fails; all of them do.
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
    """Leave out each run of ``size`` elements that can be, from the end on, in steps."""
    is_smaller = False
    start = len(elements) - size
    while start > -step:
        rest = [*elements[: max(0, start)], *elements[start + size :]]
        if len(rest) < len(elements) and await fails(rest):
            elements, is_smaller = rest, True
        start -= step
    return elements, is_smaller
