"""A test client for plain functions: each call runs the event loop until the response is there."""

import asyncio
import contextlib
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, Self, TypeVar

from werkzeug.test import TestResponse

from kyoukai.private_names import running_loop

from .blocking_websocket import BlockingWebSocket
from .client import Client
from .in_process import InProcessClient
from .live import LiveClient

T = TypeVar("T")


class BlockingClient:
    """A test client for plain functions: its event loop runs only during a call. Use it by ``with``.

    :param app: the application.
    :param backend: the name of the backend that serves it, or a list of names; ``None``: the application is
        called in-process.
    :param options: options of :class:`InProcessClient`, or, with a backend, of :class:`LiveClient`.
    :raises ConfigurationError: if an option of the server cannot be used.
    """

    # pytest collects classes whose names begin with Test.
    __test__ = False

    def __init__(self, app: Any, backend: str | Sequence[str] | None = None, **options: Any) -> None:
        self.client: Client
        """The asynchronous client behind this one, with its cookies, sessions and errors."""
        if backend is None:
            self.client = InProcessClient(app, **options)
        else:
            self.client = LiveClient(app, backend=backend, **options)
        self.set_cookie = self.client.set_cookie
        self.get_cookie = self.client.get_cookie
        self.delete_cookie = self.client.delete_cookie
        self.session_transaction = self.client.session_transaction
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            self.run(self.client.__aenter__())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._stack:
            self.run(self.client.__aexit__(*exc))

    @property
    def errors(self) -> list[BaseException]:
        """The exceptions that no error handler answered; see :class:`Client`."""
        return self.client.errors

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the application's event loop, and return its result.

        :raises RuntimeError: if an event loop is running: an async test uses an async client.
        """
        if running_loop() is None:
            return self._runner.run(coroutine)
        coroutine.close()
        raise RuntimeError(
            "this client is for plain functions; in an asynchronous test: `async with app.test_client()`"
        )

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Send a request and return the response; see :meth:`Client.open`."""
        return self.run(self.client.open(*args, **options))

    @contextlib.contextmanager
    def websocket(self, *args: Any, **options: Any) -> Iterator["BlockingWebSocket"]:
        """Open a WebSocket: ``with client.websocket("/rooms/a") as ws``; see :meth:`Client.websocket`."""
        opening = self.client.websocket(*args, **options)
        websocket = self.run(opening.__aenter__())
        try:
            yield BlockingWebSocket(websocket, self.run)
        except BaseException as exc:
            self.run(opening.__aexit__(type(exc), exc, exc.__traceback__))
            raise
        self.run(opening.__aexit__(None, None, None))

    def get(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method GET."""
        return self.run(self.client.get(*args, **options))

    def post(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method POST."""
        return self.run(self.client.post(*args, **options))

    def put(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method PUT."""
        return self.run(self.client.put(*args, **options))

    def patch(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method PATCH."""
        return self.run(self.client.patch(*args, **options))

    def delete(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method DELETE."""
        return self.run(self.client.delete(*args, **options))

    def head(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method HEAD."""
        return self.run(self.client.head(*args, **options))

    def options(self, *args: Any, **options: Any) -> TestResponse:
        """Call :meth:`open` with the method OPTIONS."""
        return self.run(self.client.options(*args, **options))
