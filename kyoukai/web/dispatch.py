"""What may happen in the course of a request: hooks before, hooks after, and errors on the way.

Whatever is raised becomes a response, except what ends the task, such as its cancellation. An
exception that is no HTTP error, and that no error handler claims by its class, is logged once and
answered as an HTTP 500 is. What is no :exc:`Exception`, such as SystemExit, is the cause of a RuntimeError.
"""

import asyncio
import copy
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequestKeyError, HTTPException, InternalServerError
from werkzeug.wrappers import Response

from kyoukai.core.errors import identified
from kyoukai.core.exchange.answer import is_clients_doing
from kyoukai.core.exchange.closing import close_stream
from kyoukai.core.exchange.request_ids import named
from kyoukai.core.exchange.witness import bear_witness
from kyoukai.core.faults import as_error, is_end

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
    """Does for the requests of one application what most of them do without.

    :param router: finds what answers a request.
    :param response_class: the class of the responses that are made of other values.
    :param make_response: makes them: :func:`~kyoukai.web.make_response`, or what does as it does.
    :param debugger: what shows exceptions that nothing claims, in debug mode.
    :param is_wrapped: whether the application's ``process_request`` is wrapped by another function.
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
        """Return what answers a request that is looked at before its handler is called, and of whom.

        The first of the hooks before that returns something answers it, or else the handler.

        :raises ProtocolError: if the server refused the body, in the place of the handler.
        """
        if ctx.observed:
            await ctx.announce("route_matched")
        for hook in target.scope.before:
            value = await hook(ctx)
            if value is not None:
                return value, hook
        refusal = ctx.environ.get(REFUSAL)
        # Where no route takes the request, its body is nobody's, whatever was wrong with it.
        if refusal is not None and target.body_plan is not REFUSED:
            # Another one, as the environ has this one, and the traceback leads to that.
            raise copy.copy(refusal)
        if ctx.observed and target is ctx.route:
            await ctx.announce("route_invoked")
        return await target.invoke(ctx, **ctx.params), target.handler

    async def finish(self, ctx: HTTPRequestContext, scope: Scope, response: Response) -> Response:
        """Return the answer that is left once all who want to look at it have done so."""
        if ctx.has_finished:
            # They have seen the answer to the handshake of a WebSocket.
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
        """Close the context of a request, and return its answer if that succeeds, or a 500."""
        try:
            if await ctx.tear_down(ctx.failure):
                return response
        except BaseException:
            await close_stream(response)
            raise
        await close_stream(response)
        return self.internal_error(ctx)

    def internal_error(self, ctx: HTTPRequestContext) -> Response:
        """Return the answer to a request that cannot be answered otherwise; no handler sees it."""
        error = identified(InternalServerError(), "handler-failed")
        return render_error(error, self.response_class, ctx.request)

    async def answer_error(self, ctx: HTTPRequestContext, scope: Scope, exc: BaseException) -> Response:
        """Return the answer to an exception that was raised on the way.

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
        """Say which field of a form, file, argument or cookie a request lacks: its text does not."""
        request = ctx.request
        if error.args:
            logger.debug("%s %r: the request has no %r", request.method, request.path, error.args[0])
        if self.debugger is not None and self.debugger.is_for(ctx.environ):
            error.show_exception = True

    async def _call_after(self, ctx: HTTPRequestContext, scope: Scope, response: Response) -> Response:
        """Return the response that the hooks after leave."""
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
        """Return the response with the session in it, or what answers that this cannot be done."""
        if ctx.app.sessions is None:
            return response  # Somebody gave this context a session of another kind.
        # The handler may have it from elsewhere, and send it to others, who must not have this one's cookie.
        response = copy.copy(response)
        response.headers = Headers(response.headers)
        try:
            ctx.app.sessions.save(ctx.session, ctx.request, response)
        except BaseException as exc:
            return await replace(response, await self.answer_error(ctx, scope, exc))
        return response

    async def _handle_error(self, ctx: HTTPRequestContext, scope: Scope, error: Exception) -> Response:
        """Return what the error handlers, or failing them the defaults, make of an exception."""
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
        # A redirect or a response that was raised is no error.
        if code < 400 or error.response is not None:
            return render_error(error, self.response_class, request)
        handler = find_error_handler(scope.error_handlers, error)
        if handler is None:
            return render_error(error, self.response_class, request)
        value = await handler(ctx, error)
        response = self.make_response(value, self.response_class, request, handler, code)
        if response.status_code == code:
            # A 405 must say Allow (RFC 9110 section 15.5.6), a 401 WWW-Authenticate (15.5.2).
            for field, text in error.get_headers():
                if field.lower() != "content-type":
                    response.headers.setdefault(field, text)
        return response


def make_debugger(process_request: "ProcessRequest") -> "Debugger":
    """Return what shows exceptions; its parameter is that of :class:`~kyoukai.web.debugging.Debugger`."""
    # Werkzeug's debugger brings much along, which nobody else is to load.
    from .debugging import Debugger

    return Debugger(process_request)


def _is_end(exc: BaseException) -> bool:
    """Return whether an exception is passed on; of what was cancelled, the server finds out what it was."""
    return isinstance(exc, asyncio.CancelledError) or is_end(exc)


def _handler_of(ctx: HTTPRequestContext) -> str:
    """Return the id of a request, and its handler where there is one, as the end of a line of the log."""
    request = named(ctx.environ)
    return f"{request}; its handler is {locate(ctx.route.handler)}" if ctx.route is not None else request


def status_of(error: Exception) -> int:
    """Return the status that an exception is answered with, as long as no error handler says else."""
    if not isinstance(error, HTTPException):
        return 500
    if error.response is not None:
        return error.response.status_code
    return error.code or 500
