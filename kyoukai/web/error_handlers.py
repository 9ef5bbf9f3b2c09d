"""Finds the error handler for an error, in one blueprint and in several.

The nearest blueprint with a handler wins. Within one blueprint the order is: the handler of the error's own
class, of its status, of the narrowest range with its status, of its base classes in the order of inheritance.
"""

from collections.abc import Iterable

from werkzeug.exceptions import HTTPException

from kyoukai.core.errors import ConfigurationError

from .calling import AnyFunction, CoroutineFunction, as_coroutine_function, check_call, describe

ErrorKey = int | range | type[Exception]

STATUSES = range(400, 600)


class ErrorHandlers:
    """The error handlers of one blueprint."""

    __slots__ = ("_classes", "_codes", "_ranges")

    def __init__(self) -> None:
        self._classes: dict[type[BaseException], CoroutineFunction] = {}
        self._codes: dict[int, CoroutineFunction] = {}
        self._ranges: dict[range, CoroutineFunction] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there are none."""
        return not (self._classes or self._codes or self._ranges)

    def add(self, key: ErrorKey, handler: AnyFunction) -> None:
        """Register ``handler`` for the errors of ``key``.

        :raises ConfigurationError: if ``key`` cannot be used, or has a handler already.
        """
        check_key(key)
        check_call("an error handler", handler, ("ctx", "exception"))
        function = as_coroutine_function(handler)
        if isinstance(key, type):
            known = self._classes.setdefault(key, function)
        elif isinstance(key, int):
            known = self._codes.setdefault(key, function)
        else:
            known = self._ranges.setdefault(key, function)
            self._ranges = dict(sorted(self._ranges.items(), key=lambda item: len(item[0])))
        if known is not function:
            raise ConfigurationError(f"{key!r} is answered by the error handler {describe(known)} already")

    def find(self, error: Exception) -> CoroutineFunction | None:
        """Return the handler for ``error``, or ``None``."""
        kind = type(error)
        if kind in self._classes:
            return self._classes[kind]
        if isinstance(error, HTTPException):
            code = error.code or 500
            if code in self._codes:
                return self._codes[code]
            for codes, handler in self._ranges.items():
                if code in codes:
                    return handler
        return next((self._classes[base] for base in kind.__mro__ if base in self._classes), None)


def check_key(key: object) -> None:
    """Check that ``key`` describes errors.

    :raises ConfigurationError: if it does not.
    """
    if isinstance(key, type) and issubclass(key, Exception):
        return
    if isinstance(key, int) and key in STATUSES:
        return
    if isinstance(key, range) and key and key[0] in STATUSES and key[-1] in STATUSES:
        return
    raise ConfigurationError(
        f"an error handler answers a status from 400 to 599, a range of them, or a class of exceptions,"
        f" as in errorhandler(404), not {key!r}"
    )


def find_error_handler(tables: Iterable[ErrorHandlers], error: Exception) -> CoroutineFunction | None:
    """Return the handler for ``error`` from the first of ``tables`` that has one, or ``None``."""
    for table in tables:
        handler = table.find(error)
        if handler is not None:
            return handler
    return None
