"""A route for WebSockets only."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypedDict

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import suggest
from kyoukai.core.semantics.grammar import TOKEN

from .calling import AnyFunction, describe, is_coroutine_function
from .route import Route

NEEDED: Final = "a WebSocket needs the library websockets: pip install 'kyoukai[websocket]'"


class WebSocketOptions(TypedDict, total=False):
    """The keyword arguments of :class:`WebSocketRoute`."""

    subprotocols: Sequence[str]
    endpoint: str | None
    strict_slashes: bool | None
    defaults: Mapping[str, Any] | None
    host: str | None
    subdomain: str | None
    before: Iterable[AnyFunction]
    after: Iterable[AnyFunction]
    max_message_size: int
    max_frame_size: int | None
    max_unread_size: int
    compression: bool
    window_bits: int
    min_compressed_size: int
    ping_interval: float | None
    ping_timeout: float
    close_timeout: float
    origins: Sequence[str] | None


ROUTE_OPTIONS: Final = ("endpoint", "strict_slashes", "defaults", "host", "subdomain", "before", "after")


class WebSocketRoute(Route):
    """One route for WebSockets, as ``@websocket`` declares it.

    :param handler: a coroutine function, called with context, WebSocket and, by name, the rule's variables.
    :param url: the URL rule, as for a :class:`Route`.
    :param subprotocols: the subprotocols to offer, the preferred first.
    :param options: ``endpoint``, ``strict_slashes``, ``defaults``, ``host``, ``subdomain``, ``before`` and
        ``after`` as for a route, and the fields of :class:`~kyoukai.websocket.WebSocketSettings`.
    :raises ConfigurationError: if an argument cannot be used, or the library ``websockets`` is missing.
    """

    __slots__ = ("finish", "settings", "subprotocols")

    is_websocket = True
    arguments = ("ctx", "ws")

    finish: Any
    """Calls the ``after`` hooks; known when the application is finalized."""

    def __init__(
        self, handler: AnyFunction, url: str, *, subprotocols: Sequence[str] = (), **options: Any
    ) -> None:
        if not callable(handler) or not is_coroutine_function(handler):
            what = describe(handler) if callable(handler) else repr(handler)
            raise ConfigurationError(f"the handler of a WebSocket must be a coroutine function, not {what}")
        try:
            from kyoukai.websocket import WebSocketSettings

            from .websocket_serving import serve_websocket
        except ModuleNotFoundError as exc:
            if exc.name is None or exc.name.partition(".")[0] != "websockets":
                raise
            raise ConfigurationError(NEEDED) from exc
        super().__init__(
            handler, url, **{name: options.pop(name) for name in ROUTE_OPTIONS if name in options}
        )
        self.invoke = functools.partial(serve_websocket, self)
        self.subprotocols = check_subprotocols(subprotocols)
        known = [*WebSocketSettings.__dataclass_fields__, "subprotocols", *ROUTE_OPTIONS]
        unknown = next((name for name in options if name not in known), None)
        if unknown is not None:
            raise ConfigurationError(
                f"a WebSocket's route has no option {unknown!r}; {suggest(unknown, known)}"
            )
        self.settings = WebSocketSettings(**options)


def check_subprotocols(subprotocols: object) -> tuple[str, ...]:
    """Return subprotocols as a tuple.

    :raises ConfigurationError: if they are not a sequence of tokens.
    """
    if isinstance(subprotocols, str) or not isinstance(subprotocols, Sequence):
        raise ConfigurationError(f"subprotocols must be a sequence of str, not {subprotocols!r}")
    for name in subprotocols:
        if not isinstance(name, str) or re.fullmatch(TOKEN, name.encode()) is None:
            raise ConfigurationError(f"{name!r} is not a subprotocol: it must be a token, such as 'chat.v1'")
    return tuple(subprotocols)
