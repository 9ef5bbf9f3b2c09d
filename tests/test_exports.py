"""The face of the package: an explicit list, and nothing public beyond it."""

import types

import pytest

import kyoukai

APPLICATIONS = [
    "Blueprint",
    "BodyStream",
    "CookieSessions",
    "HTTPRequestContext",
    "Kyoukai",
    "KyoukaiComponent",
]
LOWER_FORM = [
    "AnswerStream",
    "BodyPlan",
    "ExchangeApplication",
    "read_content",
    "send_answer",
    "start_answer",
]
ROUTE_GROUPS = [
    "RouteGroup",
    "after_request",
    "after_serving",
    "before_request",
    "before_serving",
    "errorhandler",
    "route",
    "while_serving",
]
MESSAGES = [
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
]
BACKENDS = [
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
]
ERRORS_AND_LIMITS = [
    "BackendError",
    "BackendOptionError",
    "ConfigurationError",
    "KyoukaiError",
    "Limits",
    "ListenError",
    "ProtocolError",
    "SessionError",
    "refused",
]
FACE = [*APPLICATIONS, *LOWER_FORM, *ROUTE_GROUPS, *MESSAGES, *BACKENDS, *ERRORS_AND_LIMITS]


def test_the_face() -> None:
    # In this order: the list is grouped, and the documentation follows it.
    assert list(kyoukai.__all__) == FACE
    assert len(set(FACE)) == len(FACE)


@pytest.mark.parametrize("name", FACE)
def test_every_name_is_there(name: str) -> None:
    assert getattr(kyoukai, name) is not None


def test_import_star() -> None:
    names: dict[str, object] = {}
    exec("from kyoukai import *", names)
    assert set(names) - {"__builtins__"} == set(FACE)


def test_nothing_public_beyond() -> None:
    public = {
        name
        for name, value in vars(kyoukai).items()
        # A module that was imported is an attribute of its package, and no part of the face.
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(FACE)


@pytest.mark.parametrize("name", FACE)
def test_every_name_is_documented(name: str) -> None:
    if name not in ("API_VERSION", "HTTP1_FEATURES"):
        assert getattr(kyoukai, name).__doc__


@pytest.mark.parametrize("name", [name for name in FACE if name.endswith("Error")])
def test_every_error_has_the_one_root(name: str) -> None:
    assert issubclass(getattr(kyoukai, name), kyoukai.KyoukaiError)
