"""What the log says of a start: what serves, and what else could."""

import importlib.util
import logging
import ssl
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.contract.registry import Registration
from kyoukai.core.contract.selection import create_backends
from kyoukai.server import startup_log
from kyoukai.server.listeners import Listeners
from kyoukai.server.startup_log import announce, hint_at_http2

from ..wire.prefaced import PRISM

OURS = Registration("h2", "kyoukai.backends.h2_:H2Backend", "kyoukai", "3.0")
THEIRS = Registration("h2", "other_h2.backend:Backend", "other-h2", "1.0")
TLS = {"certificate": "server.pem"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have backends registered, and libraries found."""

    def install(registered: list[Registration], *libraries: str) -> None:
        monkeypatch.setattr(startup_log, "registry", SimpleNamespace(registrations=lambda: registered))
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in libraries else None)

    return install


def listening(*settings: Any) -> Listeners:
    """Return listeners with these settings ``ssl``."""
    return Listeners.from_settings(
        {"bind": [{"bind": f"127.0.0.1:{8000 + at}", "ssl": ssl} for at, ssl in enumerate(settings)]}
    )


@pytest.mark.parametrize(("registered", "library"), [(OURS, "h2"), (THEIRS, "other_h2")])
def test_a_hint_at_http2(installed: Any, registered: Registration, library: str) -> None:
    installed([registered], library)
    assert hint_at_http2(create_backends(["httptools"], {}), listening(TLS, False)) == (
        "the backend h2 is installed: clients can use HTTP/2 over TLS with backend: [h2, httptools]"
    )


@pytest.mark.parametrize(
    ("registered", "libraries"),
    [([], ["h2"]), ([OURS], ["other_h2"]), ([THEIRS], ["h2"]), ([OURS._replace(name="h3")], ["h2"])],
    ids=["not registered", "ours without its library", "theirs without its module", "another name"],
)
def test_no_hint_where_it_is_not_installed(
    installed: Any, registered: list[Registration], libraries: list[str]
) -> None:
    installed(registered, *libraries)
    assert hint_at_http2(create_backends(["httptools"], {}), listening(TLS)) == ""


@pytest.mark.parametrize(
    "settings",
    [[False], [{**TLS, "alpn": ["http/1.1"]}], [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)]],
    ids=["cleartext", "its own ALPN", "its own context"],
)
def test_no_hint_without_tls_or_with_configured_alpn(installed: Any, settings: list[Any]) -> None:
    installed([OURS], "h2")
    assert hint_at_http2(create_backends(["httptools"], {}), listening(*settings)) == ""


def test_no_hint_where_http2_is_offered_or_http_1_is_not(
    installed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed([OURS], "h2")
    backends = create_backends([PRISM, "httptools"], {})
    assert hint_at_http2(backends, listening(TLS)) != ""
    assert hint_at_http2({PRISM: backends[PRISM]}, listening(TLS)) == ""
    backends[PRISM].alpn_protocols = ("h2",)
    assert hint_at_http2(backends, listening(TLS)) == ""


@pytest.mark.parametrize(
    ("backend", "interface", "said"),
    [
        ("httptools", "kyoukai", "(backend httptools, loop uvloop)"),
        ("h2, httptools", "kyoukai", "(backends h2, httptools, loop uvloop)"),
        ("httptools", "asgi", "(backend httptools, loop uvloop, ASGI)"),
        ("httptools", "wsgi", "(backend httptools, loop uvloop, WSGI)"),
    ],
)
def test_the_announcement(caplog: pytest.LogCaptureFixture, backend: str, interface: str, said: str) -> None:
    caplog.set_level(logging.INFO, "kyoukai.server")
    facts = {"urls": ["http://a", "https://b"], "backend": backend, "loop": "uvloop", "interface": interface}
    announce({**facts, "hint": ""}, " by 2 workers")
    [message] = caplog.messages
    assert message.endswith(f" serves http://a, https://b {said} by 2 workers")
    caplog.clear()
    announce({**facts, "hint": "there is more"})
    assert caplog.messages[1:] == ["there is more"]
