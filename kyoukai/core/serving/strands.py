"""Calls in threads that belong together: the steps of an iterator, and its closing.

They run one at a time and in one context, so that what one sets another can reset, and what uses something
has let go of it before it is closed. Which strand a body is read in is noted until it is closed.
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
    """Calls that run one at a time, in threads, in the same context: a token of one is good in the next.

    :param context: by default a copy of the caller's.
    """

    __slots__ = ("__weakref__", "_context", "_lock")

    def __init__(self, context: Context | None = None) -> None:
        self._context = copy_context() if context is None else context
        self._lock = threading.Lock()

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call ``function``, once no other thread runs in this strand."""
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
    """A callback that was given in a thread, and is called in its strand.

    :param function: the callback.
    :param strand: where it was given.
    """

    __slots__ = ("function", "strand")

    def __init__(self, function: Callable[..., Any], strand: Strand) -> None:
        self.function = function
        self.strand = strand

    def __call__(self, *args: Any) -> Any:
        """Call it, in this thread."""
        return self.strand.run(self.function, *args)


def running_strand() -> Strand | None:
    """Return the strand that this thread runs in; ``None`` in an event loop."""
    return None if running_loop() is not None else getattr(_local, "strand", None)


def note_strand(body: Any, strand: Strand) -> None:
    """Let :func:`take_strand` know where what reads or closes ``body`` runs."""
    # A list, or what else has nothing to be closed, cannot be referred to weakly.
    with contextlib.suppress(TypeError):
        _strands[body] = strand


def strand_of(body: Any) -> Strand | None:
    """Return what was noted of ``body``."""
    try:
        return _strands.get(body)
    except TypeError:
        return None


def take_strand(body: Any) -> Strand | None:
    """Return what was noted of ``body``, and forget it: its context may refer to the body."""
    try:
        return _strands.pop(body, None)
    except TypeError:
        return None


def adopt(response: Response, strand: Strand, known: int = 0) -> None:
    """Have the callbacks of a response, which were given in a thread, called in its strand.

    :param known: how many there were before.
    """
    callbacks = close_callbacks(response)
    for index in range(known, len(callbacks)):
        if not isinstance(callbacks[index], InStrand):
            callbacks[index] = InStrand(callbacks[index], strand)
