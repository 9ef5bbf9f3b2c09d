"""The target of a request: a route, or a stand-in for one."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from kyoukai.core.serving.application import BodyPlan

from .bodies import REFUSED
from .calling import AnyFunction, CoroutineFunction
from .context import HTTPRequestContext
from .scope import Scope


class Target(Protocol):
    """The target of a request: a route, or a stand-in for one."""

    @property
    def handler(self) -> AnyFunction:
        """The function as its author wrote it."""

    @property
    def invoke(self) -> CoroutineFunction:
        """The function to call with the context and, by name, with the parameters."""

    @property
    def scope(self) -> Scope:
        """The hooks and error handlers around it."""

    @property
    def body_plan(self) -> BodyPlan | None:
        """How bodies are read; ``None``: they are buffered."""


Params = Mapping[str, Any]
Match = tuple[Target, Params]

NO_PARAMS: Final[Params] = MappingProxyType({})


class Refusal:
    """The stand-in for the route of a request without one; it raises the error."""

    __slots__ = ("error", "scope")

    body_plan = REFUSED

    def __init__(self, scope: Scope, error: HTTPException) -> None:
        self.scope = scope
        self.error = error

    async def invoke(self, ctx: HTTPRequestContext) -> Response:
        """Raise the error."""
        raise self._take_error()

    handler = invoke

    def _take_error(self) -> HTTPException:
        # Drop the reference: the traceback will refer to this object, and a cycle would keep the request
        # and its body.
        error = self.error
        del self.error
        return error


class Options:
    """Answers an ``OPTIONS`` without a route of its own (RFC 9110 section 9.3.7).

    It has the hooks of a route of the same path: a preflight gets the same fields from ``after`` hooks as the
    request after it.
    """

    __slots__ = ("methods", "scope")

    body_plan = None

    def __init__(self, scope: Scope, methods: Iterable[str]) -> None:
        self.scope = scope
        self.methods = methods

    async def invoke(self, ctx: HTTPRequestContext, **params: Any) -> Response:
        """Answer with the allowed methods and without a body."""
        response = ctx.app.response_class()
        response.headers.pop("Content-Type", None)
        response.headers["Allow"] = ", ".join(self.methods)
        return response

    handler = invoke
