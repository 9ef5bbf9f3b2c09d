"""A request for a mounted application, as an exchange whose answer becomes a response.

It is a wire: the code that hosts applications on other wires hosts them at a prefix. The framework has
accepted the request; the application's answer becomes a response, which the framework sends.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from kyoukai.core.errors import identified
from kyoukai.core.exchange.body_stream import BodyStream, ClientGoneError
from kyoukai.core.exchange.client_state import ClientState
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.request_ids import named, request_id
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.server_state import Server

from .context import HTTPRequestContext
from .piecewise import Pieces
from .trailers import add_trailers
from .wrappers import Response as OwnResponse

logger: Final = logging.getLogger("kyoukai.web")

Pairs = Sequence[tuple[str, str]]

ROOM: Final = 64 * 1024
"""Bytes of an answer that may wait for the framework to send them."""


class MountOwner:
    """The connection of a mounted request, for its exchange.

    :param ctx: the request's context.
    :param exchange: the server's exchange of the request; ``None``: there is no server.
    """

    __slots__ = ("answerer", "app", "environ", "features", "loop", "parent_context", "server")

    def __init__(self, ctx: HTTPRequestContext, exchange: Any) -> None:
        self.app = ctx.app
        self.answerer: Any = None
        self.environ = ctx.environ
        self.loop = asyncio.get_running_loop()
        self.parent_context = ctx
        self.server: Server = Server() if exchange is None else exchange.server
        self.features: frozenset[str] = self.server.features if exchange is None else exchange.features


class MountedBody:
    """The body of a request as it arrives.

    :param content: the framework's stream of it.
    """

    __slots__ = ("content",)

    def __init__(self, content: BodyStream) -> None:
        self.content = content

    def fail(self, error: Exception) -> None:
        """Tell the reader why no more arrives."""
        self.content.fail(error)


class MountedExchange(Exchange):
    """One request below a prefix, and its answer.

    :param ctx: the request's context.
    :param root: the prefix, for ``SCRIPT_NAME``.
    :param rest: the rest of the path, for ``PATH_INFO``.
    :param params: values of the variables in the prefix.
    """

    __slots__ = ("_ctx", "_outer", "_pieces", "_trailers", "params", "response", "rest", "root")

    def __init__(self, ctx: HTTPRequestContext, root: str, rest: str, params: dict[str, Any]) -> None:
        connection = ctx.proto
        outer = getattr(connection, "first", connection)
        super().__init__(MountOwner(ctx, outer))
        self.root = root
        self.rest = rest
        self.params = params
        self.response: asyncio.Future[Response] = self.owner.loop.create_future()
        """The answer, once its head is known."""
        self._ctx = ctx
        self._outer: ClientState | None = None if outer is None else outer.client
        self._pieces = Pieces(self._make_room, self._abandon)
        self._trailers: list[tuple[str, str]] = []
        known: RequestHead | None = getattr(outer, "head", None)
        self.head = known if known is not None and known.is_accepted else read_environ(ctx.environ)
        body = ctx.environ.get("kyoukai.body")
        if body is not None:
            self.body = MountedBody(ctx.stream())  # type: ignore[assignment] # all that is asked of it
        else:
            self.content = read_input(ctx.environ["wsgi.input"])
        if self._outer is not None:
            self._outer.ended().add_done_callback(self._note_ended)

    async def answer(self, coroutine: Coroutine[Any, Any, None]) -> Response | None:
        """Return the application's answer, once its head is known.

        :param coroutine: the call of the application, which continues after the head.
        :return: ``None``: it ended, and answered in another way.
        :raises Exception: an exception of the application before the head.
        """
        self.task = task = self.owner.loop.create_task(coroutine)
        task.add_done_callback(self._note_done)
        try:
            await asyncio.wait((task, self.response), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))
            if self.response.done():
                self.response.result().close()
            raise
        if self.response.done():
            return self.response.result()
        try:
            task.result()
        except ClientGoneError:
            # The application stopped as the client ended its side, but the client may still read.
            raise identified(BadRequest(), "request-abandoned") from None
        return None

    # Written by the application

    def send_head(self, head: AnswerHead) -> None:
        """Make the response; its body follows piece by piece."""
        response = make_response(head)
        if head.has_content:
            response.response = self._pieces  # type: ignore[assignment]
            if head.size is None:
                add_trailers(response, self._take_trailers)
        self._resolve(response)

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        """Make the response."""
        response = make_response(head)
        if head.has_content and content:
            response.response = [content]
        elif not head.has_content and head.size is None:
            # RFC 9110 section 8.6: only the Content-Length of the same GET is allowed.
            response.response = self._pieces  # type: ignore[assignment]
        self._pieces.end()
        self._resolve(response)

    def send_data(self, data: bytes) -> None:
        """Pass a piece of the content to the framework."""
        self._pieces.put(data)
        if self._pieces.size >= ROOM:
            self.client.pause()

    def send_end(self, data: bytes = b"", trailers: Pairs = ()) -> None:
        """Pass the last piece to the framework."""
        self._trailers += trailers
        self._pieces.put(data)
        self._pieces.end()

    def send_informational(self, status: str, fields: Pairs) -> bool:
        """Send early hints, if the framework can."""
        return self._ctx.send_early_hints(fields)

    def reset(self) -> None:
        """Abort the answer."""
        self._pieces.end(ConnectionResetError("the application has broken its answer off"))

    def pause_client(self) -> None:
        """Do nothing: the framework's stream pauses the client."""

    def resume_client(self) -> None:
        """Do nothing: the framework's stream resumes the client."""

    def answered(self) -> None:
        """Do nothing: the framework's exchange continues."""

    # Taken from the framework

    @property
    def environ(self) -> dict[str, Any]:
        """The environ of the request, with the client's address."""
        return self._ctx.environ

    @property
    def client_environ(self) -> dict[str, Any]:
        """The same environ: it contains the information of trusted proxies."""
        return self._ctx.environ

    @property
    def request_id(self) -> str:
        """The id of the request."""
        return request_id(self._ctx.environ)

    def tell(self, request: Any, response: Any = None) -> None:
        """Do nothing: observers see the framework's exchange."""

    def leave_body(self) -> None:
        """Do nothing: the framework's exchange discards the rest."""

    # Internals

    def _resolve(self, response: Response) -> None:
        if self.response.done():
            response.close()
        else:
            self.response.set_result(response)

    async def _take_trailers(self) -> list[tuple[str, str]]:
        return self._trailers

    def _make_room(self) -> None:
        self.client.resume()

    def _abandon(self) -> None:
        """Note that nobody reads the rest of the answer."""
        if not self.client.is_gone:
            self.lose()

    def _note_ended(self, _: object) -> None:
        if self._outer is not None and self._outer.is_gone:
            self.client.lose()
        else:
            self.client.end()

    def _note_done(self, task: "asyncio.Task[None]") -> None:
        """Note that the application has ended."""
        if self._outer is not None:
            self._outer.ended().remove_done_callback(self._note_ended)
        error = ClientGoneError("the application was cancelled") if task.cancelled() else task.exception()
        if not self.response.done():
            return  # The caller that waits gets the exception.
        if error is None or self._pieces.end(error) or task.cancelled():
            return
        method, path = self.head.method, self.head.path
        text = "%s %r: the mounted application failed after its answer%s"
        logger.error(text, method, path, named(self._ctx.environ), exc_info=error)


def make_response(head: AnswerHead) -> Response:
    """Return a response without a body from a valid head."""
    response = OwnResponse([], head.status)
    response.headers = Headers(list(head.fields))
    if head.size is not None:
        response.headers["Content-Length"] = str(head.size)
    if head.closes:
        response.headers["Connection"] = "close"
    return response


def read_environ(environ: dict[str, Any]) -> RequestHead:
    """Return the request head for an environ that has none."""
    fields = []
    for name, value in environ.items():
        if name.startswith("HTTP_"):
            fields.append((name[5:].replace("_", "-").lower().encode(), value.encode("latin-1")))
        elif name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
            fields.append((name.replace("_", "-").lower().encode(), value.encode("latin-1")))
    return RequestHead(
        method=environ["REQUEST_METHOD"],
        target=environ.get("RAW_URI", environ["PATH_INFO"]).encode("latin-1"),
        version=environ.get("SERVER_PROTOCOL", "HTTP/1.1").partition("/")[2],
        fields=fields,
        path=environ["PATH_INFO"],
        query=environ.get("QUERY_STRING", ""),
        environ=environ,
    )


def read_input(stream: Any) -> bytes:
    """Return a buffered body from its start: a hook may have read it."""
    if hasattr(stream, "getvalue"):
        return bytes(stream.getvalue())
    if stream.seekable():
        stream.seek(0)
    return bytes(stream.read())
