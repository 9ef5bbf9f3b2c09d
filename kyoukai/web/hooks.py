"""What a blueprint has called around the handlers below it: hooks before, hooks after, error handlers."""

from collections.abc import Callable
from typing import TypeVar

from .calling import AnyFunction, check_call
from .error_handlers import ErrorHandlers, ErrorKey

F = TypeVar("F", bound=AnyFunction)


class Hooks:
    """The functions that one blueprint has called. They can be added to until it is finalized."""

    name: str

    def __init__(self) -> None:
        self.before_hooks: list[AnyFunction] = []
        self.after_hooks: list[AnyFunction] = []
        self.error_handlers = ErrorHandlers()
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

        def add(handler: F) -> F:
            self._check_open()
            self.error_handlers.add(key, handler)
            return handler

        return add

    def _check_open(self) -> None:
        if self.finalized:
            raise RuntimeError(
                f"blueprint {self.name!r} belongs to an application that is finalized, and may be serving"
                " requests; routes, hooks, error handlers and blueprints have to be added before that"
            )
