"""Calls in threads that belong together, such as the steps of an iterator and its closing.

The calls of a strand run one at a time and in one context. So a later call can reset what an earlier one has
set, and an object is closed only when no call uses it. The strand in which a body is read is noted until it
is closed.
"""

import contextlib
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from werkzeug.wrappers import Response

from kyoukai.private_names import close_callbacks, running_loop

T = TypeVar("T")

_local = threading.local()
_strands: "WeakKeyDictionary[Any, Strand]" = WeakKeyDictionary()


class Strand:
    """Calls that run in threads, one at a time and in the same context.

    A token of a context variable from one call is valid in the next.

    :param context: by default a copy of the caller's.
    """

    __slots__ = ("__weakref__", "_context", "_lock")

    def __init__(self, context: Context | None = None) -> None:
        self._context = copy_context() if context is None else context
        self._lock = threading.Lock()

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call ``function`` when no other thread runs in this strand."""
        before = getattr(_local, "strand", None)
        if before is self:
            return function(*args)
        with self._lock:
            _local.strand = self
            try:
                return self._context.run(function, *args)
            finally:
                _local.strand = before


class InStrand:
    """A callback that was registered in a thread, and is called in the same strand.

    :param function: the callback.
    :param strand: the strand in which it was registered.
    """

    __slots__ = ("function", "strand")

    def __init__(self, function: Callable[..., Any], strand: Strand) -> None:
        self.function = function
        self.strand = strand

    def __call__(self, *args: Any) -> Any:
        """Call the callback, in this thread."""
        return self.strand.run(self.function, *args)


def running_strand() -> Strand | None:
    """Return the strand of the current thread; ``None`` in an event loop."""
    return None if running_loop() is not None else getattr(_local, "strand", None)


def note_strand(body: Any, strand: Strand) -> None:
    """Note the strand in which ``body`` is read and closed, for :func:`take_strand`."""
    # A list, or another object without close(), cannot be referred to weakly.
    with contextlib.suppress(TypeError):
        _strands[body] = strand


def strand_of(body: Any) -> Strand | None:
    """Return the strand noted for ``body``, or ``None``."""
    try:
        return _strands.get(body)
    except TypeError:
        return None


def take_strand(body: Any) -> Strand | None:
    """Return the strand noted for ``body``, and forget it: its context may refer to the body."""
    try:
        return _strands.pop(body, None)
    except TypeError:
        return None


def adopt(response: Response, strand: Strand, known: int = 0) -> None:
    """Make callbacks that were added to a response in a thread run in its strand.

    :param known: how many callbacks there were before.
    """
    callbacks = close_callbacks(response)
    for index in range(known, len(callbacks)):
        if not isinstance(callbacks[index], InStrand):
            callbacks[index] = InStrand(callbacks[index], strand)
