"""What the clients for tests have in common: requests, cookies, redirects and sessions.

All of it is Werkzeug's: its builder of requests, its class of responses, its jar of cookies and its
way of following redirects. What is added is that an answer is awaited.
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
    """A client for tests. It is used by ``async with``, which starts and stops the application.

    Responses are :class:`werkzeug.test.TestResponse`: they have ``status_code``, ``headers``, ``data``,
    ``text``, ``json``, ``request`` and ``history``, and all of their body.

    :param context: the Asphalt context whose resources the application finds; by default the current
        one, if there is one.
    :param components: what is started before it and stopped after it: the settings of Asphalt components
        by their aliases, as a configuration file has them.
    :param use_cookies: whether cookies are kept from one answer for the next requests. If not, the
        ``Cookie`` field of a request is what it is given.
    :param allow_subdomain_redirects: whether redirects to subdomains are followed.
    :param raise_exceptions: whether an exception that is answered by a 500, as no error handler claims
        it, is raised by the request.
    :param response_class: a class whose methods responses have, too.
    :ivar timeout: seconds that a call of a WebSocket waits for the server.
    """

    # pytest takes what is called Test... for tests.
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
        """The exceptions that were answered by a 500, in their order."""
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
        """Start the application, and have ``ctx`` stop it when it ends."""

    @abstractmethod
    async def send(self, environ: dict[str, Any], target: str) -> Answer:
        """Return the answer to one request.

        :param environ: the request, as Werkzeug's builder makes it.
        :param target: its path and query, as they go over the wire.
        """

    @abstractmethod
    def send_streamed(
        self, environ: dict[str, Any], target: str
    ) -> contextlib.AbstractAsyncContextManager[Begun]:
        """Return the answer to one request as it comes.

        The parameters are those of :meth:`send`.
        """

    @abstractmethod
    async def send_upgrade(
        self, environ: dict[str, Any], target: str, connection: "ClientConnection"
    ) -> Answer:
        """Return the answer to a request for a WebSocket. It takes what :meth:`send` takes.

        :param connection: where the answer is 101, it is told of its fields, and connected.
        """

    async def open(self, *args: Any, follow_redirects: bool = False, **options: Any) -> TestResponse:
        """Return the response to one request.

        :param args: with ``options``, what :class:`werkzeug.test.EnvironBuilder` takes: ``path``,
            ``method``, ``query_string``, ``headers``, ``data``, ``json``, ``auth``, ``base_url`` and more;
            or one builder, environ or request.
        :param follow_redirects: whether redirects are followed. The response's ``history`` has the
            responses on the way.
        :raises werkzeug.test.ClientRedirectError: if they lead in a circle.
        :raises RuntimeError: if the client is not in use, or a redirect leads to another host.
        :raises Exception: with ``raise_exceptions``, what the application failed with.
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
        """Send a request, and look at the answer as it comes: ``async with client.stream("/") as answer``.

        At the end of ``async with`` the client is gone, whether or not there is more of the body.

        :param args: with ``options``, those of :meth:`open` but for ``follow_redirects``.
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

        :param args: with ``options``, those of :meth:`open` but for ``follow_redirects``.
        :param subprotocols: those that are offered, the best first.
        :param origin: of the page that asks, as browsers send it; ``None``: no page does.
        :param compression: whether permessage-deflate is offered.
        :raises WebSocketRefused: if the answer is no WebSocket; it has the response.
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
        """Return a cookie that is kept, if there is such a one.

        :raises TypeError: if no cookies are kept.
        """
        return self._jar.get_cookie(key, domain, path)

    def set_cookie(self, key: str, value: str = "", **options: Any) -> None:
        """Keep a cookie for the next requests.

        :param options: those of :meth:`werkzeug.test.Client.set_cookie`.
        :raises TypeError: if no cookies are kept.
        """
        self._jar.set_cookie(key, value, **options)

    def delete_cookie(self, key: str, *, domain: str = "localhost", path: str = "/") -> None:
        """Forget a cookie.

        :raises TypeError: if no cookies are kept.
        """
        self._jar.delete_cookie(key, domain=domain, path=path)

    @contextlib.contextmanager
    def session_transaction(self, *args: Any, **options: Any) -> Iterator[Any]:
        """Open the session that the next request will have, and save it at the end of ``with``.

        :param args: with ``options``, what :meth:`open` takes: the request that the session is opened for.
        :raises RuntimeError: if the application has no sessions.
        """
        sessions = getattr(self.app, "sessions", None)
        if sessions is None:
            raise RuntimeError(f"{self.app!r} has no sessions: Kyoukai(..., sessions=CookieSessions(key))")
        request = make_request(args, options)
        add_cookies(self._jar, request.environ)
        session = sessions.open(request)
        yield session
        response = wrappers.Response()
        sessions.save(session, request, response)
        self._keep_cookies(request.environ, response.headers)

    async def _start(self, ctx: Context) -> None:
        if self._components:
            # It keeps what it is given, and components may change that.
            await ContainerComponent(copy.deepcopy(self._components)).start(ctx)
        await self.start(ctx)

    async def _exchange(self, request: wrappers.Request) -> TestResponse:
        """Return the response to one request, with the cookies of the jar."""
        environ = self._prepare(request)
        stream = environ["wsgi.input"]
        start = stream.tell()
        answer = await self.send(environ, target_of(environ))
        stream.seek(start)  # A redirect may have it sent once more.
        return self._finish(answer, request, environ)

    def _finish(self, answer: Answer, request: wrappers.Request, environ: dict[str, Any]) -> TestResponse:
        self._raise_any(answer.errors)
        self._keep_cookies(environ, answer.headers)
        return self._jar.response_wrapper([answer.body], answer.status, answer.headers, request=request)

    def _prepare(self, request: wrappers.Request) -> dict[str, Any]:
        """Return the environ of a request, with the cookies of the jar."""
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
