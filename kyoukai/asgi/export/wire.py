"""What the exchanges of an export have in common, as those of a connection have theirs."""

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
"""What every server has."""

BY_EXTENSION: Final = {EARLY_HINT: Feature.EARLY_HINTS, TRAILERS: Feature.RESPONSE_TRAILERS}


class Wire:
    """The owner of exchanges: see :class:`~kyoukai.core.exchange.exchange.Owner`.

    A server's requests that have the same extensions share one.

    :param component: what is served for.
    :param parent_context: the Asphalt context that requests' contexts derive from.
    :param variables: context variables that the start has set, and their values.
    :param extensions: the names of what the server can do besides.
    :param is_websocket: whether its exchanges are requests for WebSockets.
    """

    server_ip = "localhost"
    """Where a WebSocket is taken to be connected: its scope knows better, and its environ has that."""
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
        """Heads that were accepted and may come again, by what their scopes say."""
        self._variables = variables

    def make_variables(self) -> Variables:
        """Return the context variables of one request: its caller's, and what the start has set."""
        variables = copy_context()
        for variable, value in self._variables:
            variables.run(variable.set, value)
        return variables
