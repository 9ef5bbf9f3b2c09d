"""The hooks of a blueprint: around handlers, for errors, and at start and stop."""

import inspect

from kyoukai.core.errors import ConfigurationError

from .calling import AnyFunction, check_call, describe
from .error_handlers import ErrorHandlers


class Hooks:
    """The hooks of one blueprint, in the order of their registration.

    :ivar before: called with the context before each handler.
    :ivar after: called with the context and the response of each request.
    :ivar error_handlers: the error handlers by the errors that they answer.
    :ivar serving: hooks before serving, and, with a true value, hooks while serving.
    :ivar after_serving: called with the component's context after the last request.
    """

    __slots__ = ("after", "after_serving", "before", "error_handlers", "serving")

    def __init__(self) -> None:
        self.before: list[AnyFunction] = []
        self.after: list[AnyFunction] = []
        self.error_handlers = ErrorHandlers()
        self.serving: list[tuple[AnyFunction, bool]] = []
        self.after_serving: list[AnyFunction] = []


def check_serving(what: str, hook: AnyFunction) -> None:
    """Check a hook for the start or the stop.

    :raises ConfigurationError: if it cannot be called with the context, or is a generator function.
    """
    check_call(what, hook, ("ctx",))
    function = inspect.unwrap(hook)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise ConfigurationError(
            f"{what} must not be a generator function, as {describe(hook)} is; while_serving takes those"
        )


def check_while_serving(hook: AnyFunction) -> None:
    """Check a hook that runs around the time of serving.

    :raises ConfigurationError: if it cannot be called with the context, or is not an async generator
        function.
    """
    check_call("a hook while serving", hook, ("ctx",))
    if not inspect.isasyncgenfunction(inspect.unwrap(hook)):
        raise ConfigurationError(
            f"a hook while serving must be an async generator function, with one yield: {describe(hook)}"
        )
