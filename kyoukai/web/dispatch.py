"""The steps of a request beside its handler: hooks and errors.

Every exception becomes a response, except one that ends the task, such as its cancellation. An exception that
is not an HTTP error, and has no error handler for its class, is logged once and answered as a 500. A
BaseException that is not an :exc:`Exception`, such as SystemExit, becomes the cause of a RuntimeError.
"""

import asyncio
import copy
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.wrappers import Response

from kyoukai.core.errors import ProtocolError, identified
from kyoukai.core.exchange.answer import is_clients_doing
from kyoukai.core.exchange.closing import close_stream
from kyoukai.core.exchange.request_ids import named
from kyoukai.core.exchange.witness import bear_witness
from kyoukai.core.faults import as_error, is_end
from kyoukai.core.serving.refusal_log import note_answer

from .bodies import REFUSAL, REFUSED
from .calling import AnyFunction, locate
from .closing import close_unsent, replace
from .context import HTTPRequestContext
from .error_handlers import find_error_handler
from .responses import make_response, render_error
from .routing import Router
from .rules import RouteRule
from .scope import Scope
from .targets import Target
from .websocket_route import WebSocketRoute

if TYPE_CHECKING:
    from .debugging import Debugger, ProcessRequest

logger = logging.getLogger("kyoukai.web")


class Dispatcher:
    """The steps that most requests of an application do not need.

    :param router: finds the target of a request.
    :param response_class: the class of responses made from other values.
    :param make_response: makes them: :func:`~kyoukai.web.make_response` or an equivalent.
    :param debugger: shows exceptions without an error handler, in debug mode.
    :param is_wrapped: whether another function wraps the application's ``process_request``.
    """

    __slots__ = ("debugger", "is_wrapped", "make_response", "response_class", "router")

    def __init__(
        self,
        router: Router,
        response_class: type[Response],
        make_response: Callable[..., Response] = make_response,
        debugger: "Debugger | None" = None,
        is_wrapped: bool = False,
    ) -> None:
        self.router = router
        self.response_class = response_class
        self.make_response = make_response
        self.debugger = debugger
        self.is_wrapped = is_wrapped
        for rule in router.map.iter_rules():
            if isinstance(rule, RouteRule) and isinstance(rule.route, WebSocketRoute):
                rule.route.finish = self.finish

    async def ask(self, ctx: HTTPRequestContext, target: Target) -> tuple[Any, AnyFunction]:
        """Run the hooks before the handler, and return the answer and the function that returned it.

        The first hook that returns a value answers; otherwise the handler does.

        :raises ProtocolError: if the server refused the body, in place of the handler.
        """
        if ctx.observed:
            await ctx.announce("route_matched")
        for hook in target.scope.before:
            value = await hook(ctx)
            if value is not None:
                return value, hook
        refusal = ctx.environ.get(REFUSAL)
        # Without a route, nobody needs the body: its refusal does not matter.
        if refusal is not None and target.body_plan is not REFUSED:
            # Raise a copy: the environ has the original, and the traceback would refer to the environ.
            raise copy.copy(refusal)
        if ctx.observed and target is ctx.route:
            await ctx.announce("route_invoked")
        return await target.invoke(ctx, **ctx.params), target.handler

    async def finish(self, ctx: HTTPRequestContext, scope: Scope, response: Response) -> Response:
        """Return the final answer, after the hooks that may replace it."""
        if ctx.has_finished:
            # For a WebSocket they have seen the answer to the handshake.
            return response
        if scope.after:
            response = await self._call_after(ctx, scope, response)
        try:
            if "session" in ctx.__dict__:
                response = await self._save_session(ctx, scope, response)
            if ctx.observed:
                await ctx.announce("route_completed", response)
        except BaseException:
            await close_stream(response)
            raise
        return response

    async def conclude(self, ctx: HTTPRequestContext, response: Response) -> Response:
        """Close the context of a request; return its answer, or a 500 if closing fails."""
        try:
            if await ctx.tear_down(ctx.failure):
                return response
        except BaseException:
            await close_stream(response)
            raise
        await close_stream(response)
        return self.internal_error(ctx)

    def internal_error(self, ctx: HTTPRequestContext) -> Response:
        """Return a 500 for a request that cannot be answered otherwise; no error handler sees it."""
        error = identified(InternalServerError(), "handler-failed")
        return render_error(error, self.response_class, ctx.request)

    async def answer_error(self, ctx: HTTPRequestContext, scope: Scope, exc: BaseException) -> Response:
        """Return the answer to an exception of a request.

        :raises BaseException: ``exc``, if it ends the task.
        """
        if not isinstance(exc, Exception) and _is_end(exc):
            raise exc
        error = as_error(exc, "the application")
        if status_of(error) >= 400:
            ctx.failure = error
        if isinstance(error, BadRequestKeyError):
            self._name_key(ctx, error)
        if "unsent" in vars(error):
            await close_unsent(error)
        try:
            return await self._handle_error(ctx, scope, error)
        except BaseException as exc:
            if _is_end(exc):
                raise
            await close_unsent(exc)
            method, path = ctx.request.method, ctx.request.path
            text, whose = "%s %r: the handler of an error failed%s", _handler_of(ctx)
            logger.error(text, method, path, whose, exc_info=exc)
            bear_witness(exc, ctx.environ)
            return self.internal_error(ctx)

    def _name_key(self, ctx: HTTPRequestContext, error: BadRequestKeyError) -> None:
        """Add the missing key of a form, file, argument or cookie to the error: its text lacks it."""
        request = ctx.request
        if error.args:
            logger.debug("%s %r: the request has no %r", request.method, request.path, error.args[0])
        if self.debugger is not None and self.debugger.is_for(ctx.environ):
            error.show_exception = True

    async def _call_after(self, ctx: HTTPRequestContext, scope: Scope, response: Response) -> Response:
        """Return the response after the ``after`` hooks."""
        try:
            for hook in scope.after:
                try:
                    value = await hook(ctx, response)
                    if value is None:
                        continue
                    successor = self.make_response(value, self.response_class, ctx.request, hook)
                except BaseException as exc:
                    successor = await self.answer_error(ctx, scope, exc)
                if successor is not response:
                    response = await replace(response, successor)
        except BaseException:
            await close_stream(response)
            raise
        return response

    async def _save_session(self, ctx: HTTPRequestContext, scope: Scope, response: Response) -> Response:
        """Return the response with the session saved, or the answer to a failure of that."""
        if ctx.app.sessions is None:
            return response  # The application set another kind of session on this context.
        # A handler may send a shared response to other clients too: they must not get this client's cookie.
        response = copy.copy(response)
        response.headers = Headers(response.headers)
        try:
            ctx.app.sessions.save(ctx.session, ctx.request, response)
        except BaseException as exc:
            return await replace(response, await self.answer_error(ctx, scope, exc))
        return response

    async def _handle_error(self, ctx: HTTPRequestContext, scope: Scope, error: Exception) -> Response:
        """Return the answer of the error handlers, or else the default, to an exception."""
        request = ctx.request
        if not isinstance(error, HTTPException):
            handler = find_error_handler(scope.error_handlers, error)
            if handler is not None:
                value = await handler(ctx, error)
                return self.make_response(value, self.response_class, request, handler, 500)
            if not is_clients_doing(error, ctx.environ):
                text, whose = "%s %r: unhandled exception%s", _handler_of(ctx)
                logger.error(text, request.method, request.path, whose, exc_info=error)
                bear_witness(error, ctx.environ)
                if self.debugger is not None and (page := await self.debugger.page(request, error)):
                    return page
            error = identified(InternalServerError(original_exception=error), "handler-failed")
        code = status_of(error)
        # A raised redirect or response is not an error.
        is_error = code >= 400 and error.response is None
        handler = find_error_handler(scope.error_handlers, error) if is_error else None
        if handler is None:
            response = render_error(error, self.response_class, request)
        else:
            value = await handler(ctx, error)
            response = self.make_response(value, self.response_class, request, handler, code)
        if response.status_code == code and not isinstance(error, ProtocolError):
            note_answer(error, ctx.environ)
        if handler is not None and response.status_code == code:
            # A 405 needs Allow (RFC 9110 section 15.5.6), a 401 WWW-Authenticate (15.5.2).
            for field, text in error.get_headers():
                if field.lower() != "content-type":
                    response.headers.setdefault(field, text)
        return response


def make_debugger(process_request: "ProcessRequest") -> "Debugger":
    """Return the debugger; the parameter is that of :class:`~kyoukai.web.debugging.Debugger`."""
    # Import it only here: Werkzeug's debugger imports much.
    from .debugging import Debugger

    return Debugger(process_request)


def _is_end(exc: BaseException) -> bool:
    """Return whether an exception is passed on. The server finds out the reason of a cancellation."""
    return isinstance(exc, asyncio.CancelledError) or is_end(exc)


def _handler_of(ctx: HTTPRequestContext) -> str:
    """Return the request id, and the handler if there is one, as the end of a log line."""
    request = named(ctx.environ)
    return f"{request}; its handler is {locate(ctx.route.handler)}" if ctx.route is not None else request


def status_of(error: Exception) -> int:
    """Return the status that answers an exception without an error handler."""
    if not isinstance(error, HTTPException):
        return 500
    if error.response is not None:
        return error.response.status_code
    return error.code or 500
