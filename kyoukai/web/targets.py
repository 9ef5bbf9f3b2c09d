"""What answers a request: a route, or what stands in for one."""

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
    """What answers a request: a route, or what stands in for one."""

    @property
    def handler(self) -> AnyFunction:
        """The function as its author wrote it."""

    @property
    def invoke(self) -> CoroutineFunction:
        """The function to call with the context and, by name, with its parameters."""

    @property
    def scope(self) -> Scope:
        """What surrounds it."""

    @property
    def body_plan(self) -> BodyPlan | None:
        """How bodies are read for it; ``None``: into memory."""


Params = Mapping[str, Any]
Match = tuple[Target, Params]

NO_PARAMS: Final[Params] = MappingProxyType({})


class Refusal:
    """Stands in for the route of a request that no route takes, and raises the error."""

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
        # Its traceback will lead to this object, which must not lead to it: the cycle would keep the
        # request, body and all.
        error = self.error
        del self.error
        return error


class Options:
    """Answers an ``OPTIONS`` that no route takes (RFC 9110 section 9.3.7).

    It is surrounded by what surrounds a route of the same path: a preflight gets the same fields by hooks
    after as the request that it asks for.
    """

    __slots__ = ("methods", "scope")

    body_plan = None

    def __init__(self, scope: Scope, methods: Iterable[str]) -> None:
        self.scope = scope
        self.methods = methods

    async def invoke(self, ctx: HTTPRequestContext, **params: Any) -> Response:
        """Say which methods are allowed, with no body."""
        response = ctx.app.response_class()
        response.headers.pop("Content-Type", None)
        response.headers["Allow"] = ", ".join(self.methods)
        return response

    handler = invoke
