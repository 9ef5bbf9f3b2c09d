"""What a blueprint has called: around the handlers below it, at errors, and at the start and the stop."""

import inspect
from collections.abc import Callable
from typing import TypeVar

from kyoukai.core.errors import ConfigurationError

from .calling import AnyFunction, check_call, describe
from .error_handlers import ErrorHandlers, ErrorKey, check_key

F = TypeVar("F", bound=AnyFunction)


class Hooks:
    """The functions that one blueprint has called. They can be added to until it is finalized."""

    name: str

    def __init__(self) -> None:
        self.before_hooks: list[AnyFunction] = []
        self.after_hooks: list[AnyFunction] = []
        self.error_handlers = ErrorHandlers()
        self.serving_hooks: list[tuple[AnyFunction, bool]] = []
        """Hooks before serving, and, with a true value, hooks while serving; in the order given."""
        self.after_serving_hooks: list[AnyFunction] = []
        self.finalized = False

    def before_request(self, hook: F) -> F:
        """Call ``hook`` with the context before each handler below; a decorator.

        What it returns, if not ``None``, is the answer, and the handler is not called.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook before", hook, ("ctx",))
        self.before_hooks.append(hook)
        return hook

    def after_request(self, hook: F) -> F:
        """Call ``hook`` with the context and the response of each request below; a decorator.

        What it returns, if not ``None``, takes the response's place.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook after", hook, ("ctx", "response"))
        self.after_hooks.append(hook)
        return hook

    def errorhandler(self, key: ErrorKey) -> Callable[[F], F]:
        """Return a decorator for a function that answers errors, called with context and error.

        It returns what a handler may return. Where that says no status, it is the error's.

        :param key: a status, a ``range`` of them, or a class of exceptions.
        :raises ConfigurationError: if it cannot be used, or has a handler in this blueprint.
        :raises RuntimeError: if the application is finalized.
        """
        check_key(key)

        def add(handler: F) -> F:
            self._check_open()
            self.error_handlers.add(key, handler)
            return handler

        return add

    def before_serving(self, hook: F) -> F:
        """Call ``hook`` once before the server listens, with the component's context; a decorator.

        What it raises ends the start.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        _check_serving("a hook before serving", hook)
        self.serving_hooks.append((hook, False))
        return hook

    def after_serving(self, hook: F) -> F:
        """Call ``hook`` once when the last request is answered, with the component's context; a decorator.

        It is called if the start of this blueprint was begun, even if that failed.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        _check_serving("a hook after serving", hook)
        self.after_serving_hooks.append(hook)
        return hook

    def while_serving(self, hook: F) -> F:
        """Run an async generator function up to its one ``yield`` before serving, and the rest after.

        It is called with the component's context; a decorator.

        :raises ConfigurationError: if it is none, or cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook while serving", hook, ("ctx",))
        if not inspect.isasyncgenfunction(inspect.unwrap(hook)):
            raise ConfigurationError(
                f"a hook while serving must be an async generator function, with one yield: {describe(hook)}"
            )
        self.serving_hooks.append((hook, True))
        return hook

    def _check_open(self) -> None:
        if self.finalized:
            raise RuntimeError(
                f"blueprint {self.name!r} belongs to an application that is finalized, and may be serving"
                " requests; routes, hooks, error handlers and blueprints have to be added before that"
            )


def _check_serving(what: str, hook: AnyFunction) -> None:
    """Check a hook that is called at the start or at the stop.

    :raises ConfigurationError: if it cannot be called with the context, or would not run by that.
    """
    check_call(what, hook, ("ctx",))
    function = inspect.unwrap(hook)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise ConfigurationError(
            f"{what} must not be a generator function, as {describe(hook)} is; while_serving takes those"
        )
