"""A client for tests that are plain functions: each call runs the loop until it has its response."""

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
    """A client and an event loop, which runs while a call waits, and stands still between.

    It is used by ``with``.

    :param app: the application.
    :param backend: the name of the backend that serves it, or a list of such; ``None``: it is called in the
        process.
    :param options: those of :class:`InProcessClient`, or with a backend of :class:`LiveClient`.
    :raises ConfigurationError: if an option of a server cannot be used.
    """

    # pytest takes what is called Test... for tests.
    __test__ = False

    def __init__(self, app: Any, backend: str | Sequence[str] | None = None, **options: Any) -> None:
        self.client: Client
        """The client that is asked: for its cookies, its sessions and its errors."""
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
        """The exceptions that no error handler claimed; see :class:`Client`."""
        return self.client.errors

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine of the test returns, which runs in the application's loop.

        :raises RuntimeError: if a loop runs already: an asynchronous test takes an asynchronous client.
        """
        if running_loop() is None:
            return self._runner.run(coroutine)
        coroutine.close()
        raise RuntimeError(
            "this client is for plain functions; in an asynchronous test: `async with app.test_client()`"
        )

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Return the response to one request; see :meth:`Client.open`."""
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
