"""Kyoukai: an asyncio HTTP/1.1 server whose way of speaking HTTP is a backend chosen by name."""

from kyoukai.asphalt import HTTPRequestContext, KyoukaiComponent
from kyoukai.core.contract.backend import API_VERSION, Backend
from kyoukai.core.contract.parser import RequestParser
from kyoukai.core.errors import (
    BackendError,
    BackendOptionError,
    ConfigurationError,
    KyoukaiError,
    ListenError,
    ProtocolError,
)
from kyoukai.core.exchange.request_body import BodyStream
from kyoukai.core.features import HTTP1_FEATURES, Feature
from kyoukai.core.http1.backend import HTTP1Backend
from kyoukai.core.http1.protocol import HTTPProtocol
from kyoukai.core.limits import Limits
from kyoukai.web import (
    Blueprint,
    CookieSessions,
    Kyoukai,
    Problem,
    Request,
    Response,
    RouteGroup,
    ServerSentEvent,
    SessionError,
    add_trailers,
    answer_as_problem,
    event_stream,
    last_event_id,
    send_file,
    send_from_directory,
)
from kyoukai.web.route_group import (
    after_request,
    after_serving,
    before_request,
    before_serving,
    errorhandler,
    route,
    while_serving,
)

__all__ = (
    # applications
    "Blueprint",
    "BodyStream",
    "CookieSessions",
    "HTTPRequestContext",
    "Kyoukai",
    "KyoukaiComponent",
    # route groups
    "RouteGroup",
    "after_request",
    "after_serving",
    "before_request",
    "before_serving",
    "errorhandler",
    "route",
    "while_serving",
    # requests and responses
    "Problem",
    "Request",
    "Response",
    "ServerSentEvent",
    "add_trailers",
    "answer_as_problem",
    "event_stream",
    "last_event_id",
    "send_file",
    "send_from_directory",
    # backends
    "API_VERSION",
    "HTTP1_FEATURES",
    "HTTP1Backend",
    "Backend",
    "Feature",
    "HTTPProtocol",
    "RequestParser",
    # errors and limits
    "BackendError",
    "BackendOptionError",
    "ConfigurationError",
    "KyoukaiError",
    "Limits",
    "ListenError",
    "ProtocolError",
    "SessionError",
)
