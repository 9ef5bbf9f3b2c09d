"""The common interface of the test clients: requests, cookies, redirects and sessions.

It uses Werkzeug's request builder, response class, cookie jar and redirects, and adds ``await``.
"""

import contextlib
import copy
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from asphalt.core import ContainerComponent, Context
from werkzeug import wrappers
from werkzeug.datastructures import Headers
from werkzeug.test import ClientRedirectError, Cookie, EnvironBuilder, TestResponse
from werkzeug.wsgi import get_current_url

from kyoukai.private_names import add_cookies, keep_cookies

from .answers import Answer, Begun
from .jar import REDIRECTS, Jar
from .lifespan import Lifespan
from .refusals import WebSocketRefused
from .requests import BASE, add_fields, make_request, target_of
from .streamed_response import StreamedResponse
from .websocket_extra import load_websockets

if TYPE_CHECKING:
    from .websocket import ClientWebSocket
    from .websocket_connection import ClientConnection


class Client(ABC):
    """A test client. ``async with`` starts and stops the application.

    Responses are :class:`werkzeug.test.TestResponse`, with the whole body: they have ``status_code``,
    ``headers``, ``data``, ``text``, ``json``, ``request`` and ``history``.

    :param app: the application.
    :param context: the Asphalt context whose resources the application finds; by default the current one, if
        any.
    :param components: settings of Asphalt components by their aliases, as in a configuration file. They are
        started before the application and stopped after it.
    :param use_cookies: whether cookies of responses are sent with the next requests. If not, a request sends
        only the ``Cookie`` field that it is given.
    :param allow_subdomain_redirects: whether redirects to subdomains are followed.
    :param raise_exceptions: whether the request raises an exception that no error handler answers.
    :param response_class: a class that responses additionally inherit from.
    :ivar timeout: seconds that a call of a WebSocket waits for the server.
    """

    # pytest collects classes whose names begin with Test.
    __test__ = False

    timeout = 30.0

    def __init__(
        self,
        app: Any,
        *,
        context: Context | None = None,
        components: Mapping[str, Mapping[str, Any] | None] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
        raise_exceptions: bool = False,
        response_class: type[wrappers.Response] | None = None,
    ) -> None:
        self.app = app
        self.raise_exceptions = raise_exceptions
        self.errors: list[BaseException] = []
        """The exceptions that were answered with a 500, in order."""
        self._jar = Jar(app, response_class, use_cookies, allow_subdomain_redirects)
        self._components: dict[str, dict[str, Any] | None] = {
            name: dict(settings or {}) for name, settings in (components or {}).items()
        }
        self._lifespan = Lifespan(self._start, context)

    async def __aenter__(self) -> Self:
        await self._lifespan.begin()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._lifespan.end()

    @abstractmethod
    async def start(self, ctx: Context) -> None:
        """Start the application, and register its stop with ``ctx``."""

    @abstractmethod
    async def send(self, environ: dict[str, Any], target: str) -> Answer:
        """Send one request and return the answer.

        :param environ: the environ of the request, from Werkzeug's builder.
        :param target: its path and query, as sent on the wire.
        """

    @abstractmethod
    def send_streamed(
        self, environ: dict[str, Any], target: str
    ) -> contextlib.AbstractAsyncContextManager[Begun]:
        """Send one request and return the answer while its body is arriving.

        The parameters are those of :meth:`send`.
        """

    @abstractmethod
    async def send_upgrade(
        self, environ: dict[str, Any], target: str, connection: "ClientConnection"
    ) -> Answer:
        """Send a request for a WebSocket and return the answer. Other parameters: see :meth:`send`.

        :param connection: gets the fields of a 101 answer, and is connected.
        """

    async def open(self, *args: Any, follow_redirects: bool = False, **options: Any) -> TestResponse:
        """Send a request and return the response.

        :param args: with ``options``, the arguments of :class:`werkzeug.test.EnvironBuilder`: ``path``,
            ``method``, ``query_string``, ``headers``, ``data``, ``json``, ``auth``, ``base_url`` and more; or
            one builder, environ or request.
        :param follow_redirects: whether to follow redirects. ``history`` of the response has the responses on
            the way.
        :raises werkzeug.test.ClientRedirectError: if redirects form a loop.
        :raises RuntimeError: if the client is not in use, or a redirect leads to another host.
        :raises Exception: with ``raise_exceptions``, the application's exception.
        """
        response = await self._exchange(make_request(args, options))
        history: list[TestResponse] = []
        seen = set()
        while follow_redirects and response.status_code in REDIRECTS:
            step = (response.location, response.status_code)
            if step in seen:
                raise ClientRedirectError(f"a {step[1]} redirect to {step[0]} was followed before")
            seen.add(step)
            response.history = tuple(history)
            history.append(response)
            builder = cast(EnvironBuilder, self._jar.resolve_redirect(response))
            response = await self._exchange(builder.get_request())
        response.history = tuple(history)
        return response

    async def get(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method GET."""
        return await self.open(*args, **{**options, "method": "GET"})

    async def post(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method POST."""
        return await self.open(*args, **{**options, "method": "POST"})

    async def put(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method PUT."""
        return await self.open(*args, **{**options, "method": "PUT"})

    async def patch(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method PATCH."""
        return await self.open(*args, **{**options, "method": "PATCH"})

    async def delete(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method DELETE."""
        return await self.open(*args, **{**options, "method": "DELETE"})

    async def head(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method HEAD."""
        return await self.open(*args, **{**options, "method": "HEAD"})

    async def options(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method OPTIONS."""
        return await self.open(*args, **{**options, "method": "OPTIONS"})

    @contextlib.asynccontextmanager
    async def stream(self, *args: Any, **options: Any) -> AsyncIterator[StreamedResponse]:
        """Send a request and read the answer as it arrives: ``async with client.stream("/") as answer``.

        The end of ``async with`` disconnects the client, even if the body is not finished.

        :param args: with ``options``, those of :meth:`open`, except ``follow_redirects``.
        """
        request = make_request(args, options)
        environ = self._prepare(request)
        async with self.send_streamed(environ, target_of(environ)) as begun:
            self._raise_any(begun.errors)
            self._keep_cookies(environ, begun.headers)
            yield StreamedResponse(begun.status, begun.headers, request, begun.pieces)

    @contextlib.asynccontextmanager
    async def websocket(
        self,
        *args: Any,
        subprotocols: Sequence[str] = (),
        origin: str | None = None,
        compression: bool = False,
        **options: Any,
    ) -> AsyncIterator["ClientWebSocket"]:
        """Open a WebSocket: ``async with client.websocket("/rooms/a") as ws``. The end closes it with 1000.

        :param args: with ``options``, those of :meth:`open`, except ``follow_redirects``.
        :param subprotocols: the subprotocols to offer, the preferred first.
        :param origin: the origin of the page, as a browser sends it; ``None``: not from a page.
        :param compression: whether to offer permessage-deflate.
        :raises WebSocketRefused: if the answer does not open a WebSocket; it contains the response.
        :raises ConfigurationError: if the library ``websockets`` is missing.
        """
        new_connection, new_websocket = load_websockets()
        connection = new_connection(subprotocols, origin, compression)
        request = make_request(args, options)
        environ = self._prepare(request)
        add_fields(environ, connection.fields)
        answer = await self.send_upgrade(environ, target_of(environ), connection)
        if not answer.status.startswith("101 "):
            raise WebSocketRefused(self._finish(answer, request, environ))
        self._keep_cookies(environ, answer.headers)
        connection.check()
        errors = answer.errors if self.raise_exceptions else ()
        websocket = new_websocket(connection, answer.headers, self.timeout, errors)
        try:
            yield websocket
        finally:
            await websocket.close()
        websocket.raise_unseen()

    def get_cookie(self, key: str, domain: str = "localhost", path: str = "/") -> Cookie | None:
        """Return the stored cookie ``key`` for ``domain`` and ``path``, or ``None``.

        :raises TypeError: if ``use_cookies`` is false.
        """
        return self._jar.get_cookie(key, domain, path)

    def set_cookie(self, key: str, value: str = "", **options: Any) -> None:
        """Store the cookie ``key`` with ``value`` for the next requests.

        :param options: options of :meth:`werkzeug.test.Client.set_cookie`.
        :raises TypeError: if ``use_cookies`` is false.
        """
        self._jar.set_cookie(key, value, **options)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Delete the stored cookie ``key`` for ``domain`` and ``path``.

        :raises TypeError: if ``use_cookies`` is false.
        """
        self._jar.delete_cookie(key, domain=domain, path=path)

    @contextlib.contextmanager
    def session_transaction(self, *args: Any, **options: Any) -> Iterator[Any]:
        """Open the session of the next request, and save it at the end of ``with``.

        :param args: with ``options``, those of :meth:`open`: the request to open the session for.
        :raises RuntimeError: if the application has no sessions.
        """
        sessions = getattr(self.app, "sessions", None)
        if sessions is None:
            raise RuntimeError(f"{self.app!r} has no sessions; pass Kyoukai(sessions=CookieSessions(key))")
        request = make_request(args, options)
        add_cookies(self._jar, request.environ)
        session = sessions.open(request)
        yield session
        response = wrappers.Response()
        sessions.save(session, request, response)
        self._keep_cookies(request.environ, response.headers)

    async def _start(self, ctx: Context) -> None:
        if self._components:
            # The component keeps the settings, and components may change them.
            await ContainerComponent(copy.deepcopy(self._components)).start(ctx)
        await self.start(ctx)

    async def _exchange(self, request: wrappers.Request) -> TestResponse:
        """Send one request with the stored cookies, and return the response."""
        environ = self._prepare(request)
        stream = environ["wsgi.input"]
        start = stream.tell()
        answer = await self.send(environ, target_of(environ))
        stream.seek(start)  # A redirect may send it again.
        return self._finish(answer, request, environ)

    def _finish(self, answer: Answer, request: wrappers.Request, environ: dict[str, Any]) -> TestResponse:
        self._raise_any(answer.errors)
        self._keep_cookies(environ, answer.headers)
        return self._jar.response_wrapper([answer.body], answer.status, answer.headers, request=request)

    def _prepare(self, request: wrappers.Request) -> dict[str, Any]:
        """Return the environ of a request with the stored cookies."""
        self._lifespan.check()
        environ = request.environ
        for name, value in BASE.items():
            environ.setdefault(name, value)
        add_cookies(self._jar, environ)
        return environ

    def _raise_any(self, errors: Sequence[BaseException]) -> None:
        if self.raise_exceptions and errors:
            raise errors[-1]

    def _keep_cookies(self, environ: dict[str, Any], headers: Headers) -> None:
        url = urlsplit(get_current_url(environ))
        keep_cookies(self._jar, url.hostname or "localhost", url.path, headers.getlist("Set-Cookie"))
