"""What another server serves in a test: one example after the other, each by its ``app.asgi``.

A process of its own for each would take most of the tests' time for imports. The server calls :data:`asgi`;
the test says which example that is by a socket beside it, and asks for what a module has in it.
"""

import asyncio
import contextlib
import copy
import gc
import importlib.util
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial, reduce
from multiprocessing.connection import Connection, Listener
from types import ModuleType
from typing import Any

from asphalt.core import Component, ContainerComponent

from kyoukai.asgi import ASGIExport

VARIABLE = "KYOUKAI_TEST_SHELF"
"""Has the path of the socket."""

PATIENCE = 20.0

Call = Callable[..., Any]


class Shelf:
    """An application of ASGI that is the example that it was given last.

    :ivar calls: how many calls of the server are under way.
    """

    def __init__(self) -> None:
        self.calls = 0
        self._asgi: Any = None
        self._module: ModuleType | None = None
        self._lifespan = contextlib.AsyncExitStack()
        self._loop: asyncio.AbstractEventLoop

    async def __call__(self, scope: Any, receive: Call, send: Call) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        self.calls += 1
        try:
            await self._asgi(scope, receive, send)
        finally:
            self.calls -= 1

    async def _live(self, receive: Call, send: Call) -> None:
        self._loop = asyncio.get_running_loop()
        with Listener(os.environ[VARIABLE], "AF_UNIX") as listener:
            threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await self.end()
        await send({"type": "lifespan.shutdown.complete"})

    def _listen(self, listener: Listener) -> None:
        with contextlib.suppress(EOFError, OSError), listener.accept() as connection:
            self._answer(connection)

    def _answer(self, connection: Connection) -> None:
        while True:
            name, *arguments = connection.recv()
            future = asyncio.run_coroutine_threadsafe(getattr(self, name)(*arguments), self._loop)
            try:
                connection.send(("returned", future.result(PATIENCE)))
            except Exception as error:
                connection.send(("raised", repr(error)))

    # What a test asks for

    async def take(self, path: str, settings: dict[str, Any]) -> None:
        """Serve another example.

        :param path: of its file.
        :param settings: of the export; ``root`` names a component of the module that is the root of a tree,
            ``components`` are the settings of those below it.
        """
        await self.end()
        if self._module is not None:
            del sys.modules[self._module.__name__]
        name = os.path.basename(path).removesuffix(".py")
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        self._module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._module)
        app = self._module.app
        if "components" in settings:
            settings = {"component": partial(self._make_root, **settings)}
            app = None
        # An application that is no Kyoukai has no export of its own.
        plain = not settings and hasattr(app, "asgi")
        self._asgi = app.asgi if plain else ASGIExport(app, **settings)
        await self._lifespan.enter_async_context(alive(self._asgi))

    def _make_root(self, components: dict[str, Any], root: str | None = None) -> Component:
        make = ContainerComponent if root is None else getattr(self._module, root)
        made: Component = make(copy.deepcopy(components))
        return made

    async def end(self) -> None:
        """Stop the example; its module is there still."""
        await self._lifespan.aclose()

    async def keep_only(self, name: str) -> None:
        """Give a module the one instance of one of its classes, by the name of that in small letters."""
        kind = getattr(self._module, name)
        (found,) = [one for one in gc.get_objects() if type(one) is kind]
        setattr(self._module, name.lower(), found)

    async def count(self) -> int:
        """Return how many calls are under way."""
        return self.calls

    async def get(self, names: list[str]) -> tuple[bool, Any]:
        """Return whether what a module has by these names can be sent, and it, if so."""
        found = self._find(names)
        try:
            json.dumps(found)
        except (TypeError, ValueError):
            return False, None
        return True, found

    async def put(self, names: list[str], value: Any) -> None:
        """Give a module something by another name."""
        setattr(self._find(names[:-1]), names[-1], value)

    async def size(self, names: list[str]) -> int:
        """Return how many there are of something."""
        return len(self._find(names))

    async def call(self, names: list[str], arguments: tuple[Any, ...]) -> None:
        """Call a function of a module in the loop."""
        self._find(names)(*arguments)

    def _find(self, names: list[str]) -> Any:
        return reduce(getattr, names, self._module)


@contextlib.asynccontextmanager
async def alive(asgi: Any) -> AsyncIterator[None]:
    """Be a server's lifespan for an application while the block runs."""
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    outbox: asyncio.Queue[Any] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}

    async def pass_through(kind: str) -> None:
        await inbox.put({"type": f"lifespan.{kind}"})
        event = await outbox.get()
        if event["type"] != f"lifespan.{kind}.complete":
            raise RuntimeError(f"the {kind} failed: {event}")

    task = asyncio.create_task(asgi(scope, inbox.get, outbox.put))
    await pass_through("startup")
    try:
        yield
    finally:
        await pass_through("shutdown")
        await task


asgi = Shelf()
