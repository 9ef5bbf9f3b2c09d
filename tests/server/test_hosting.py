"""Which interface an application is served by, and what is said of what cannot be served."""

import types
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kyoukai.asgi import ASGIApplication
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.applications import resolve_application
from kyoukai.server.hosting import Hosting, find_interface, interface_served
from kyoukai.web import Kyoukai
from kyoukai.wsgi import WSGIApplication


async def asgi(scope: Any, receive: Any, send: Any) -> None: ...


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    return []


def anyhow(*args: Any) -> list[bytes]:
    return []


def nothing() -> None: ...


class Both(Kyoukai):
    """One of ours that is exported as one of WSGI, too."""

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return []


class WSGI:
    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        return []


own = Kyoukai("own")
hosted = WSGIApplication(wsgi)


@pytest.mark.parametrize(
    ("app", "wanted", "found"),
    [
        (own, "auto", "kyoukai"),
        (own, "kyoukai", "kyoukai"),
        (hosted, "auto", "kyoukai"),
        (hosted, "kyoukai", "kyoukai"),
        (hosted, "wsgi", "kyoukai"),
        (Both("both"), "auto", "kyoukai"),
        (Both("both"), "wsgi", "wsgi"),
        (wsgi, "auto", "wsgi"),
        (wsgi, "wsgi", "wsgi"),
        (asgi, "auto", "asgi"),
        (asgi, "asgi", "asgi"),
        (anyhow, "wsgi", "wsgi"),
        (anyhow, "asgi", "asgi"),
        # Werkzeug's hides how it is called.
        (Request.application(lambda request: Response()), "wsgi", "wsgi"),
    ],
)
def test_interface_of_an_application(app: Any, wanted: str, found: str) -> None:
    assert find_interface(app, "a:app", wanted) == found


@pytest.mark.parametrize(
    ("app", "wanted", "said"),
    [
        (
            asgi,
            "wsgi",
            "is not an application of wsgi, but one of ASGI: set interface, or --interface, to asgi",
        ),
        (
            wsgi,
            "asgi",
            "is not an application of asgi, but one of WSGI: set interface, or --interface, to wsgi",
        ),
        (
            wsgi,
            "kyoukai",
            "is not an application of kyoukai, but one of WSGI: set interface, or --interface, to",
        ),
        (
            own,
            "wsgi",
            "is not an application of wsgi, but one of Kyoukai: set interface, or --interface, to kyouk",
        ),
        (hosted, "asgi", "is not an application of asgi, but one of Kyoukai"),
        (
            anyhow,
            "auto",
            "may be an application of ASGI or of WSGI: set interface, or --interface, to",
        ),
        (
            anyhow,
            "kyoukai",
            "may be an application of ASGI or of WSGI: set interface, or --interface, to",
        ),
        (nothing, "auto", "is a function, not an application; if it returns one, set factory, or --factory"),
        (
            nothing,
            "wsgi",
            "cannot be called with (environ, start_response), as an application of WSGI is; if it returns an "
            "application, set factory, or --factory",
        ),
        (WSGI, "auto", "is a class, not an application; if it can be called without arguments, set factory"),
        (
            WSGI,
            "wsgi",
            "cannot be called with (environ, start_response), as an application of WSGI is; if",
        ),
        (Kyoukai, "auto", "is a class, not an application"),
        (types, "auto", "is a module, not an application: name an object in it, as module:attribute"),
        (types, "asgi", "cannot be called with (scope, receive, send), as an application of ASGI is"),
        (7, "auto", "is not an application: it has no request_class"),
        (7, "wsgi", "cannot be called with (environ, start_response), as an application of WSGI is"),
    ],
)
def test_unservable_application_is_a_one_line_error(app: Any, wanted: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find_interface(app, "a:app", wanted)
    message = str(caught.value)
    assert message.startswith("app 'a:app' ")
    assert said in message
    assert "\n" not in message


def test_asgi_2_application_is_refused_for_every_interface() -> None:
    def old(scope: Any) -> Any: ...

    for wanted in ("auto", "asgi"):
        with pytest.raises(ConfigurationError, match="an application of ASGI 2"):
            find_interface(old, "a:app", wanted)


def test_an_application_of_wsgi_is_wrapped() -> None:
    app = resolve_application(wsgi, {"root_path": "/shop"})
    assert isinstance(app, WSGIApplication)
    assert app.application is wsgi
    assert interface_served(app) == "wsgi"
    assert resolve_application(app) is app
    assert interface_served(own) == "kyoukai"


def test_an_application_of_asgi_is_wrapped() -> None:
    settings = {"interface": "asgi", "root_path": "/shop", "lifespan": "off"}
    app = resolve_application(asgi, {**settings, "websocket_options": {"max_message_size": 7}})
    assert isinstance(app, ASGIApplication)
    assert (app.application, app.root_path) == (asgi, "/shop")
    assert app.websocket is not None
    assert (app.websocket.max_message_size, app.websocket.origins) == (7, "*")
    assert interface_served(app) == "asgi"


def test_a_factory_may_return_one_of_any_interface() -> None:
    assert resolve_application(lambda: own, {"factory": True}) is own
    made = resolve_application(lambda: WSGI(), {"factory": True})
    assert isinstance(made, WSGIApplication)
    made = resolve_application(WSGI, {"factory": True, "interface": "wsgi"})
    assert isinstance(made, WSGIApplication)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"interface": "cgi"}, "interface is 'cgi'; it must be one of auto, kyoukai, asgi, wsgi"),
        ({"interface": None}, "interface is None; it must be a str"),
        ({"lifespan": "yes"}, "lifespan is 'yes'; it must be one of auto, on, off"),
        (
            {"websocket_options": ["a"]},
            "websocket_options is a list; it must be a mapping of names to values",
        ),
        (
            {"root_path": "shop"},
            "root_path is 'shop'; it must be a path that begins with '/' and does not",
        ),
        ({"root_path": "/shop/"}, "root_path is '/shop/'; it must be a path that begins with '/'"),
        ({"root_path": "/a b"}, "root_path is '/a b'; it must be a path that begins with '/'"),
    ],
)
def test_invalid_settings(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Hosting.take(settings)
    assert said in str(caught.value)


def test_settings() -> None:
    assert Hosting.take({}) == Hosting("auto", "", "auto")
    taken = Hosting.take({"interface": "WSGI", "root_path": "/a/b", "lifespan": "off", "debug": True})
    assert taken == Hosting("wsgi", "/a/b", "off")


@pytest.mark.parametrize(
    ("app", "settings", "said"),
    [
        (own, {"root_path": "/a"}, "root_path is only for ASGI and WSGI applications"),
        (own, {"websocket_options": {"compression": True}}, "websocket_options is only for ASGI and WSGI"),
        (
            wsgi,
            {"websocket_options": {"compression": True}},
            "websocket_options is set, but app .* is a WSGI",
        ),
        (asgi, {"websocket_options": {"max_size": 1}}, "a WebSocket has no setting 'max_size'"),
        (own, {"lifespan": "off"}, "lifespan is only for ASGI and WSGI applications"),
        (wsgi, {"lifespan": "on"}, "lifespan is 'on', but app .* is a WSGI application, which has none"),
    ],
)
def test_a_setting_that_has_no_meaning_for_an_application(app: Any, settings: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        resolve_application(app, settings)
