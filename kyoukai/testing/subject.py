"""The backend under test, as the checks of the rules see it."""

import asyncio
import functools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from kyoukai.core.contract.backend import Backend, claimed_features
from kyoukai.core.contract.registry import create_backend, load_backend
from kyoukai.core.http1.protocol import HTTPProtocol

from .rules import Rule
from .settings import timeout_scale
from .stage import Handler, Stage, staging
from .watchdog import STUCK_TIMEOUT, watching

ALWAYS: Final = frozenset({"K1.1", "K1.2"})
"""The rules that are checked on a backend that cannot be made."""


class Subject:
    """One backend under test.

    :param backend: its name, ``module:attribute``, or a class that can be imported.
    :param whole: whether the corpus is run without cutting.
    """

    def __init__(self, backend: str | type[Backend], *, whole: bool = False) -> None:
        self.name = backend if isinstance(backend, str) else f"{backend.__module__}:{backend.__qualname__}"
        self.whole = whole
        self.scale = timeout_scale()

    @functools.cached_property
    def backend_class(self) -> type[Backend]:
        """The class that the name leads to.

        :raises BackendError: if it cannot be used.
        """
        return load_backend(self.name)

    @functools.cached_property
    def features(self) -> frozenset[str]:
        """What the class claims; nothing where that is no collection, which is a rule of its own."""
        return claimed_features(self.backend_class)

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
    async def serve(self, handler: Handler | None = None, **limits: Any) -> AsyncGenerator[Stage, None]:
        """Serve by the backend, without a socket.

        :param handler: what answers; without it, every answer is ``ok``.
        """
        async with staging(self.name, handler, self.scale, **limits) as stage:
            yield stage

    def why_skipped(self, rule: Rule) -> str | None:
        """Return why a rule is not to be checked on this backend; ``None``: it is."""
        if rule.id in ALWAYS:
            return None
        if self.unusable is not None:
            return self.unusable
        if rule.storey == "Backend":
            return None
        if self.unconnectable is not None:
            return self.unconnectable
        if not self.is_http:
            return "the backend's connections do not derive from HTTPProtocol"
        if rule.feature is not None and rule.feature not in self.features:
            return f"the backend does not claim the feature {rule.feature!r}"
        return None
