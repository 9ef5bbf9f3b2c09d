"""The backend under test, as the checks see it."""

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
"""Rules that are checked even if no instance of the backend can be created."""

NO_ADAPTER: Final = (
    "the kit does not know this wire format: write a kyoukai.testing.WireAdapter and name it in the backend's"
    " testing_adapter or with --adapter (contract.md, The kit for another wire)"
)


NO_TUNNEL: Final = (
    "the adapter does not know how a client asks for a tunnel: define its encode_tunnel,"
    " and decode_tunnel if decode_answer cannot read tunnels (contract.md, The kit for another wire)"
)


class AdapterError(Exception):
    """The named adapter cannot be used; the message says why."""


class Subject:
    """One backend under test.

    :param backend: a registered name, ``module:attribute``, or an importable class.
    :param whole: send each case of the corpus in one piece, not split in different ways.
    :param adapter: the :class:`WireAdapter` for the backend's wire format, or ``module:attribute``. ``None``:
        the one that the backend names, or else HTTP/1 if its connections derive from ``HTTPProtocol``.
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
        """The backend's class.

        :raises BackendError: if the class cannot be loaded or used.
        """
        return load_backend(self.name)

    @functools.cached_property
    def features(self) -> frozenset[str]:
        """The features that the backend claims; empty if it names no collection, which rule K1.3 reports.

        They are read from an instance where possible, because features may depend on options.
        """
        backend = self.backend_class if self.unusable is not None else create_backend(self.name)
        return claimed_features(backend)

    @functools.cached_property
    def unusable(self) -> str | None:
        """Why the backend cannot be created without options; ``None`` if it can."""
        try:
            create_backend(self.name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return f"the backend cannot be created: {str(error) or type(error).__name__}"
        return None

    @functools.cached_property
    def is_http(self) -> bool:
        """Whether the connections derive from ``HTTPProtocol``. Read it outside of an event loop."""

        async def look() -> bool:
            watch.beat()
            async with self.serve() as stage:
                return isinstance(stage.line().protocol, HTTPProtocol)

        with watching(STUCK_TIMEOUT * self.scale) as watch:
            return asyncio.run(look())

    @functools.cached_property
    def takes_heads(self) -> bool:
        """Whether the parser has ``begin_message``, so the server reads the heads and hands them over."""

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
            # Any failure here is reported by the rules themselves.
            return False

    @functools.cached_property
    def adapter(self) -> type[WireAdapter] | None:
        """The adapter for the backend's wire format; ``None`` if none is known.

        :raises AdapterError: if the named adapter cannot be used.
        """
        named: Any = self._adapter or getattr(self.backend_class, "testing_adapter", None)
        if named is None:
            return HTTP1Adapter if self.is_http else None
        return read_adapter(named)

    @functools.cached_property
    def speechless(self) -> str | None:
        """Why the kit cannot send requests in this wire format; ``None`` if it can."""
        try:
            return NO_ADAPTER if self.adapter is None else None
        except AdapterError as error:
            return str(error)

    @property
    def opens_no_tunnel(self) -> bool:
        """Whether the adapter lacks ``encode_tunnel``."""
        adapter: Any = self.adapter
        return adapter.encode_tunnel is WireAdapter.encode_tunnel

    @functools.cached_property
    def unconnectable(self) -> str | None:
        """Why no connection can be created; ``None`` if one can."""
        try:
            _ = self.is_http
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return f"no connection can be created: {str(error) or type(error).__name__}"
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
        """Serve with the backend, without a socket. The parameters are those of :func:`~.stage.staging`."""
        serving = staging(self.name, handler, self.scale, streams=streams, settings=settings, **limits)
        async with serving as stage:
            try:
                yield stage
            except RuleBroken as broken:
                if broken.root or not stage.faults:
                    raise
                raise broken.because(stage.faults[0]) from None

    def client(self, stage: Stage, line: Line | None = None) -> WireClient:
        """Connect and return a client.

        :param line: a connection that is not connected yet; ``None`` for a new one.
        :raises AdapterError: if the kit does not know the wire format.
        """
        if self.adapter is None:
            raise AdapterError(NO_ADAPTER)
        line = line or stage.line()
        line.watch()
        line.connect()
        return WireClient(line, self.adapter())

    def why_inapplicable(self, rule: Rule) -> str | None:
        """Return why a rule does not apply to this backend; ``None`` if it applies, as far as is known."""
        if self.unusable is not None or self.unconnectable is not None or rule.storey == "Backend":
            return None
        if rule.storey == "HTTPProtocol" and not self.is_http:
            return "the backend's connections do not derive from HTTPProtocol"
        if rule.feature is not None and rule.feature not in self.features:
            return f"the backend does not claim the feature {rule.feature!r}"
        if rule.heads and self.takes_heads:
            return "the server reads the heads for this parser (it has begin_message)"
        return None

    def why_unchecked(self, rule: Rule) -> str | None:
        """Return why a rule cannot be checked on this backend; ``None`` if it can."""
        if rule.id in ALWAYS:
            return None
        if self.unusable is not None:
            return self.unusable
        # Evaluate all of them here, outside of an event loop: checks read the cached results inside one.
        unconnectable = self.unconnectable
        if unconnectable is None and self.is_http:
            _ = self.takes_heads
        speechless = self.speechless if unconnectable is None else unconnectable
        if speechless is None and rule.feature == Feature.TUNNEL and self.opens_no_tunnel:
            speechless = NO_TUNNEL
        return {"Backend": None, "Exchange": speechless}.get(rule.storey, unconnectable)


def read_adapter(named: object) -> type[WireAdapter]:
    """Return the class of an adapter.

    :param named: ``module:attribute``, or a class.
    :raises AdapterError: if it is not a concrete subclass of :class:`WireAdapter`.
    """
    found = named
    if isinstance(named, str):
        try:
            found = resolve(named)
        except UnresolvedReferenceError as error:
            raise AdapterError(f"testing_adapter is {named!r}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, WireAdapter)) or inspect.isabstract(found):
        raise AdapterError(
            f"testing_adapter is {named!r}; it must be a subclass of kyoukai.testing.WireAdapter"
            " that defines encode_head and decode_answer"
        )
    return found
