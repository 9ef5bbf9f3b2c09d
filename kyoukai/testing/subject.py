"""The backend under test, as the checks of the rules see it."""

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from kyoukai.core.contract.backend import Backend, claimed_features
from kyoukai.core.contract.references import UnresolvedReferenceError, resolve
from kyoukai.core.contract.registry import create_backend, load_backend
from kyoukai.core.features import Feature
from kyoukai.core.http1.protocol import HTTPProtocol

from .adapter import WireAdapter
from .http1_adapter import HTTP1Adapter
from .rule_errors import RuleBroken
from .rules import Rule
from .scripted import Handler
from .settings import timeout_scale
from .stage import Line, Stage, staging
from .watchdog import STUCK_TIMEOUT, watching
from .wire_client import WireClient

ALWAYS: Final = frozenset({"K1.1", "K1.2"})
"""The rules that are checked on a backend that cannot be made."""

NO_ADAPTER: Final = (
    "the kit does not know this wire: write a kyoukai.testing.WireAdapter, and name it by the backend's"
    " testing_adapter or by --adapter (contract.md, The kit for another wire)"
)


NO_TUNNEL: Final = (
    "the kit does not know how a client asks for a tunnel by this wire: write encode_tunnel for its adapter,"
    " and decode_tunnel where decode_answer does not do (contract.md, The kit for another wire)"
)


class AdapterError(Exception):
    """What is named as an adapter is none; the message says why."""


class Subject:
    """One backend under test.

    :param backend: its name, ``module:attribute``, or a class that can be imported.
    :param whole: whether the corpus is run without cutting.
    :param adapter: how to speak by its wire: a :class:`WireAdapter`, or ``module:attribute``. ``None``: what
        the backend names; where it names none, HTTP/1 if its connections derive from ``HTTPProtocol``.
    """

    def __init__(
        self,
        backend: str | type[Backend],
        *,
        whole: bool = False,
        adapter: str | type[WireAdapter] | None = None,
    ) -> None:
        self.name = backend if isinstance(backend, str) else f"{backend.__module__}:{backend.__qualname__}"
        self.whole = whole
        self.scale = timeout_scale()
        self._adapter = adapter

    @functools.cached_property
    def backend_class(self) -> type[Backend]:
        """The class that the name leads to.

        :raises BackendError: if it cannot be used.
        """
        return load_backend(self.name)

    @functools.cached_property
    def features(self) -> frozenset[str]:
        """What it claims; nothing where that is no collection, which is a rule of its own.

        One whose options say so sets it when it is made.
        """
        backend = self.backend_class if self.unusable is not None else create_backend(self.name)
        return claimed_features(backend)

    @functools.cached_property
    def unusable(self) -> str | None:
        """Why the backend cannot be made without options; ``None``: it can."""
        try:
            create_backend(self.name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return f"the backend cannot be made: {str(error) or type(error).__name__}"
        return None

    @functools.cached_property
    def is_http(self) -> bool:
        """Whether its connections derive from ``HTTPProtocol``. It is asked outside of a loop."""

        async def look() -> bool:
            watch.beat()
            async with self.serve() as stage:
                return isinstance(stage.line().protocol, HTTPProtocol)

        with watching(STUCK_TIMEOUT * self.scale) as watch:
            return asyncio.run(look())

    @functools.cached_property
    def takes_heads(self) -> bool:
        """Whether its parsers take the heads that the server has read, by ``begin_message``."""

        async def look() -> bool:
            watch.beat()
            async with self.serve() as stage:
                return hasattr(stage.connected().protocol.parser, "begin_message")

        try:
            with watching(STUCK_TIMEOUT * self.scale) as watch:
                return asyncio.run(look())
        except KeyboardInterrupt:
            raise
        except BaseException:
            # Whatever that is, there are rules for it.
            return False

    @functools.cached_property
    def adapter(self) -> type[WireAdapter] | None:
        """How to speak by its wire; ``None``: nobody knows.

        :raises AdapterError: if what is named is no adapter.
        """
        named: Any = self._adapter or getattr(self.backend_class, "testing_adapter", None)
        if named is None:
            return HTTP1Adapter if self.is_http else None
        return read_adapter(named)

    @functools.cached_property
    def speechless(self) -> str | None:
        """Why the kit cannot speak by its wire; ``None``: it can."""
        try:
            return NO_ADAPTER if self.adapter is None else None
        except AdapterError as error:
            return str(error)

    @property
    def opens_no_tunnel(self) -> bool:
        """Whether the adapter does not say how a client asks for a tunnel."""
        adapter: Any = self.adapter
        return adapter.encode_tunnel is WireAdapter.encode_tunnel

    @functools.cached_property
    def unconnectable(self) -> str | None:
        """Why no connection can be made; ``None``: one can."""
        try:
            _ = self.is_http
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return f"no connection can be made: {str(error) or type(error).__name__}"
        return None

    @asynccontextmanager
    async def serve(
        self,
        handler: Handler | None = None,
        *,
        streams: bool = False,
        settings: Mapping[str, Any] | None = None,
        **limits: Any,
    ) -> AsyncGenerator[Stage, None]:
        """Serve by the backend, without a socket. The parameters are those of :func:`~.stage.staging`."""
        serving = staging(self.name, handler, self.scale, streams=streams, settings=settings, **limits)
        async with serving as stage:
            try:
                yield stage
            except RuleBroken as broken:
                if broken.root or not stage.faults:
                    raise
                raise broken.because(stage.faults[0]) from None

    def client(self, stage: Stage, line: Line | None = None) -> WireClient:
        """Connect, and return the client.

        :param line: the connection, not connected yet; ``None``: a new one.
        :raises AdapterError: if the kit cannot speak by its wire.
        """
        if self.adapter is None:
            raise AdapterError(NO_ADAPTER)
        line = line or stage.line()
        line.watch()
        line.connect()
        return WireClient(line, self.adapter())

    def why_inapplicable(self, rule: Rule) -> str | None:
        """Return why a rule does not hold for this backend; ``None``: it does, as far as can be told."""
        if self.unusable is not None or self.unconnectable is not None or rule.storey == "Backend":
            return None
        if rule.storey == "HTTPProtocol" and not self.is_http:
            return "the backend's connections do not derive from HTTPProtocol"
        if rule.feature is not None and rule.feature not in self.features:
            return f"the backend does not claim the feature {rule.feature!r}"
        if rule.heads and self.takes_heads:
            return "the parser takes the heads that the server has read"
        return None

    def why_unchecked(self, rule: Rule) -> str | None:
        """Return why a rule cannot be checked on this backend; ``None``: it can."""
        if rule.id in ALWAYS:
            return None
        if self.unusable is not None:
            return self.unusable
        # All are found out here, outside of an event loop: checks ask for what comes of them.
        unconnectable = self.unconnectable
        if unconnectable is None and self.is_http:
            _ = self.takes_heads
        speechless = self.speechless if unconnectable is None else unconnectable
        if speechless is None and rule.feature == Feature.TUNNEL and self.opens_no_tunnel:
            speechless = NO_TUNNEL
        return {"Backend": None, "Exchange": speechless}.get(rule.storey, unconnectable)


def read_adapter(named: object) -> type[WireAdapter]:
    """Return the adapter that is named.

    :param named: ``module:attribute``, or a class.
    :raises AdapterError: if it is no concrete subclass of :class:`WireAdapter`.
    """
    found = named
    if isinstance(named, str):
        try:
            found = resolve(named)
        except UnresolvedReferenceError as error:
            raise AdapterError(f"testing_adapter is {named!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, WireAdapter)) or inspect.isabstract(found):
        raise AdapterError(
            f"testing_adapter is {named!r}; it must lead to a subclass of kyoukai.testing.WireAdapter"
            " that has encode_head and decode_answer"
        )
    return found
