"""The application: routing, handlers, hooks and errors. It knows no sockets."""

from .application import Kyoukai
from .blueprint import Blueprint
from .context import HTTPRequestContext
from .files import send_file, send_from_directory
from .problem_details import Problem, answer_as_problem
from .responses import make_response
from .route import Route
from .route_events import RouteCompletedEvent, RouteEvent, RouteInvokedEvent, RouteMatchedEvent
from .route_group import RouteGroup
from .sessions import CookieSessions, Session, SessionError
from .sse import ServerSentEvent, event_stream, last_event_id
from .trailers import add_trailers
from .typed_json import read_json
from .wrappers import Request, Response

__all__ = (
    "Blueprint",
    "CookieSessions",
    "HTTPRequestContext",
    "Kyoukai",
    "Problem",
    "Request",
    "Response",
    "Route",
    "RouteCompletedEvent",
    "RouteEvent",
    "RouteGroup",
    "RouteInvokedEvent",
    "RouteMatchedEvent",
    "ServerSentEvent",
    "Session",
    "SessionError",
    "add_trailers",
    "answer_as_problem",
    "event_stream",
    "last_event_id",
    "make_response",
    "read_json",
    "send_file",
    "send_from_directory",
)
