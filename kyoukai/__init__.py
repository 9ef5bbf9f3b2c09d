"""Kyoukai: an asyncio HTTP/1.1 server whose way of speaking HTTP is a backend chosen by name."""

from kyoukai.asphalt import HTTPRequestContext, KyoukaiComponent
from kyoukai.core.backend import API_VERSION, HTTP1_FEATURES, Backend, Feature
from kyoukai.core.body_stream import BodyStream
from kyoukai.core.errors import (
    BackendError,
    BackendOptionError,
    ConfigurationError,
    KyoukaiError,
    ListenError,
    ProtocolError,
)
from kyoukai.core.limits import Limits
from kyoukai.core.parser import RequestParser
from kyoukai.core.protocol import HTTPProtocol
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
