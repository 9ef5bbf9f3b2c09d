"""Debug mode of applications of other interfaces."""

from typing import Any

import flask
import pytest
from werkzeug.test import run_wsgi_app

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.failed_load import FailedLoad
from kyoukai.web.debug_mode import DebuggedWSGI, set_debug_mode
from kyoukai.wsgi import WSGIApplication

from .asking import environ_of


def fail() -> str:
    raise ValueError("why")


def ask(application: Any, host: str, address: str) -> tuple[str, bytes]:
    environ = environ_of("/fails", base_url=f"http://{host}") | {"REMOTE_ADDR": address}
    body, status, _ = run_wsgi_app(application, environ)
    return status, b"".join(body)


def test_wsgi_exception_is_shown_to_local_clients(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = flask.Flask("site")
    site.add_url_rule("/fails", view_func=fail)
    hosted = WSGIApplication(site)
    set_debug_mode(hosted)
    assert site.debug
    assert "debug mode, never for production" in caplog.text
    assert isinstance(hosted.application, DebuggedWSGI)
    status, shown = ask(hosted.application, "localhost", "127.0.0.1")
    assert status.startswith("500 ")
    assert b"ValueError: why" in shown
    for host, address in (("localhost", "192.0.2.7"), ("elsewhere.example", "127.0.0.1")):
        with pytest.raises(ValueError, match="why"):
            ask(hosted.application, host, address)


def test_debug_mode_is_refused_where_unsupported() -> None:
    with pytest.raises(ConfigurationError, match="debug needs an application of the class Kyoukai"):
        set_debug_mode(FailedLoad("why"))
