"""The state that the exchanges of an export share, like the exchanges of a connection."""

import asyncio
from collections.abc import Iterable
from contextvars import Context as Variables
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Final

from kyoukai.core.applications.forms import answerer_of
from kyoukai.core.exchange.environ import connection_environ
from kyoukai.core.features import Feature
from kyoukai.core.known import Known
from kyoukai.core.semantics.request_head import RequestHead

if TYPE_CHECKING:
    from asphalt.core import Context

    from kyoukai.core.serving.application import ServerComponent

TRAILERS: Final = "http.response.trailers"
EARLY_HINT: Final = "http.response.early_hint"
PATHSEND: Final = "http.response.pathsend"
ZEROCOPYSEND: Final = "http.response.zerocopysend"
DENIAL: Final = "websocket.http.response"

FEATURES: Final = frozenset({Feature.EXPECT_CONTINUE, Feature.GRACEFUL_SHUTDOWN})
"""The features that every server has."""

BY_EXTENSION: Final = {EARLY_HINT: Feature.EARLY_HINTS, TRAILERS: Feature.RESPONSE_TRAILERS}


class Wire:
    """The owner of exchanges: see :class:`~kyoukai.core.exchange.exchange.Owner`.

    Requests with the same server extensions share one.

    :param component: the component that serves.
    :param parent_context: the Asphalt context that the requests' contexts derive from.
    :param variables: the context variables that the start has set, with their values.
    :param extensions: names of the server's optional features.
    :param is_websocket: whether its exchanges are requests for WebSockets.
    """

    server_ip = "localhost"
    """The assumed address of a WebSocket connection. The environ has the real one, from the scope."""
    server_port = 80

    def __init__(
        self,
        component: "ServerComponent",
        parent_context: "Context",
        variables: list[tuple[ContextVar[Any], Any]],
        extensions: Iterable[str] = (),
        *,
        is_websocket: bool = False,
    ) -> None:
        self.component = component
        self.server = component.server
        self.app = component.app
        answerer, around = answerer_of(component.app), component.server.around
        self.answerer = answerer if around is None else around(answerer)
        self.parent_context = parent_context
        self.loop = asyncio.get_running_loop()
        self.environ = connection_environ(scheme="http", server=("localhost", 80), peer=None)
        self.extensions = frozenset(extensions)
        features: set[str] = {BY_EXTENSION[name] for name in self.extensions if name in BY_EXTENSION}
        self.features: frozenset[str] = FEATURES | features
        if is_websocket:
            self.features |= {Feature.TUNNEL}
        self.heads: Known[Any, RequestHead] = Known(256)
        """Accepted heads that may be repeated, by the values in their scopes."""
        self._variables = variables

    def make_variables(self) -> Variables:
        """Return the context variables of one request: its caller's, and those that the start has set."""
        variables = copy_context()
        for variable, value in self._variables:
            variables.run(variable.set, value)
        return variables
