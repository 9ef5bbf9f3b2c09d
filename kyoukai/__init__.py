"""Kyoukai: an asyncio HTTP server whose protocol implementation is a backend, chosen by name."""

from kyoukai.asphalt import HTTPRequestContext, KyoukaiComponent
from kyoukai.core.applications.answer_stream import AnswerStream, start_answer
from kyoukai.core.applications.exchange_calls import read_content, send_answer
from kyoukai.core.applications.exchange_form import ExchangeApplication
from kyoukai.core.connection.connection import Connection
from kyoukai.core.connection.exchanges import ExchangeConnection
from kyoukai.core.contract.backend import API_VERSION, Backend
from kyoukai.core.contract.parser import BodyParser, RequestParser
from kyoukai.core.errors import (
    BackendError,
    BackendOptionError,
    ConfigurationError,
    KyoukaiError,
    ListenError,
    ProtocolError,
    refused,
)
from kyoukai.core.exchange.body_stream import BodyStream
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.features import HTTP1_FEATURES, Feature
from kyoukai.core.http1.backend import HTTP1Backend
from kyoukai.core.http1.protocol import HTTPProtocol
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.application import BodyPlan, ServerComponent
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
    read_json,
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
    # applications of the lower form
    "AnswerStream",
    "BodyPlan",
    "ExchangeApplication",
    "read_content",
    "send_answer",
    "start_answer",
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
    "read_json",
    "send_file",
    "send_from_directory",
    # backends
    "API_VERSION",
    "HTTP1_FEATURES",
    "AnswerHead",
    "Backend",
    "BodyParser",
    "Connection",
    "Exchange",
    "ExchangeConnection",
    "Feature",
    "HTTP1Backend",
    "HTTPProtocol",
    "RequestHead",
    "RequestParser",
    "ServerComponent",
    # errors and limits
    "BackendError",
    "BackendOptionError",
    "ConfigurationError",
    "KyoukaiError",
    "Limits",
    "ListenError",
    "ProtocolError",
    "SessionError",
    "refused",
)
