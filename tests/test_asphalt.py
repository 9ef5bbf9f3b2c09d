"""The component: its settings, its resources, its signals, and its life in a process of its own."""

import asyncio
import contextlib
import errno
import gc
import logging
import signal
import socket
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Component, Context
from asphalt.core.component import component_types
from cryptography.hazmat.primitives import serialization
from werkzeug.wrappers import Request, Response

from kyoukai.asphalt import (
    BACKEND_VARIABLE,
    ConnectionLostEvent,
    ConnectionMadeEvent,
    KyoukaiComponent,
    has_listeners,
)
from kyoukai.core.contract.backend import Backend
from kyoukai.core.errors import (
    BackendError,
    BackendOptionError,
    ConfigurationError,
    ListenError,
    UnknownBackendError,
)
from kyoukai.core.limits import Limits
from kyoukai.server.startup_log import report_in_one_line

from .certificates import trusting_context, write_certificate
from .processes import (
    QUICK,
    SLOW,
    Process,
    asphalt_run,
    kyoukai_run,
    python,
    wait_until_stopping,
    write_application,
)
from .serving import PATIENCE, Client, running
from .wire.prefaced import PRISM

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Application:
    """The least that can be served."""

    request_class = Request

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        return Response(type(parent_context).__name__)


app = Application()


# Settings


BAD_SETTINGS: list[tuple[dict[str, Any], list[str]]] = [
    ({"prot": 80}, ["'prot'", "did you mean port?", "backend_options", "uds"]),
    ({"colour": "red"}, ["'colour'", "known: access_log, access_log_format, app, backend"]),
    ({"host": ""}, ["host is ''", "IP address"]),
    ({"host": 80}, ["host is 80", "IP address"]),
    ({"host": ["127.0.0.1", 80]}, ["host is ['127.0.0.1', 80]", "IP address", "a list of them"]),
    ({"host": ["127.0.0.1", ""]}, ["host is ''", "'::' means all IPv6 and IPv4 addresses"]),
    ({"host": []}, ["host is []", "IP address"]),
    ({"host": {"127.0.0.1": 80}}, ["host is {'127.0.0.1': 80}", "IP address"]),
    ({"host": "127.0.0.1:80"}, ["host is '127.0.0.1:80'", "the port is a separate setting"]),
    ({"host": "[::1]"}, ["host is '[::1]'", "without brackets: '::1'"]),
    ({"uds": "/run/web.sock", "host": ["::"]}, ["uds excludes host and port"]),
    ({"port": True}, ["port is True", "0 to 65535"]),
    ({"port": -1}, ["port is -1", "0 to 65535"]),
    ({"port": 70000}, ["port is 70000", "0 to 65535"]),
    ({"port": 65536}, ["port is 65536", "0 to 65535"]),
    ({"port": "80"}, ["port is '80'", "0 to 65535"]),
    ({"port": 80.0}, ["port is 80.0", "0 to 65535"]),
    ({"uds": "/run/web.sock", "port": 80}, ["uds excludes host and port"]),
    ({"uds": "/run/web.sock", "host": "localhost"}, ["uds excludes host and port"]),
    ({"uds": ""}, ["uds is ''", "path of a Unix socket"]),
    ({"uds": 5}, ["uds is 5", "path of a Unix socket"]),
    ({"uds": "/run/web\0.sock"}, ["uds is '/run/web\\x00.sock'", "path of a Unix socket"]),
    ({"limits": 5}, ["limits is 5", "mapping"]),
    ({"limits": {1: 2}}, ["limits is a mapping of 1;", "mapping"]),
    ({"limits": {"max_bodysize": 1}}, ["'max_bodysize'", "did you mean max_body_size?"]),
    ({"limits": {"max_body_size": "1 MB"}}, ["max_body_size is '1 MB'", "a whole number of bytes"]),
    ({"limits": {"max_body_size": 1.5}}, ["max_body_size is 1.5", "a whole number of bytes"]),
    ({"limits": {"max_fields": True}}, ["max_fields is True", "a whole number of fields"]),
    ({"limits": {"max_head_size": 3}}, ["max_head_size is 3 bytes", "at least 1024"]),
    ({"limits": {"head_timeout": float("nan")}}, ["head_timeout is nan", "a number of seconds"]),
    ({"limits": {"shutdown_timeout": -1}}, ["shutdown_timeout is -1 seconds", "at least 0"]),
    ({"backend": "htptools"}, ["'htptools'", "did you mean httptools?", "known: ", "reference"]),
    ({"backend": 5}, ["backend is 5", "name or module:attribute"]),
    ({"backend": ""}, ["backend is ''", "name or module:attribute"]),
    ({"backend": False}, ["backend is False", "name or module:attribute"]),
    ({"backend": "no_such_module:Backend"}, ["no_such_module:Backend", "ModuleNotFoundError"]),
    ({"backend": "json:loads"}, ["json:loads", "must be a subclass of kyoukai.Backend"]),
    ({"backend_options": {"speed": 9}}, ["'speed'", "httptools", "its options: "]),
    ({"backend_options": "speed"}, ["backend_options is 'speed'", "mapping"]),
    ({"backend_options": {1: 2}}, ["backend_options is a mapping of 1;", "mapping"]),
    ({"app": None}, ["app is not set", "module:attribute"]),
    ({"app": "served"}, ["app is 'served'", "module:attribute"]),
    ({"app": "no_such_module:app"}, ["no_such_module:app", "No module named 'no_such_module'"]),
    ({"app": "json:no_such_attribute"}, ["json:no_such_attribute", "cannot be loaded"]),
    ({"app": "json:"}, ["'json:'", "cannot be loaded"]),
    ({"app": ":app"}, ["':app'"]),
    ({"app": "json:loads"}, ["'json:loads' is a function", "not an application", "factory"]),
    ({"app": "json:decoder"}, ["'json:decoder' is a module, not an application: name an object in it"]),
    ({"app": "json:loads", "factory": 1}, ["factory is 1", "bool"]),
    ({"app": "json:loads", "factory": True}, ["'json:loads' cannot be called without arguments"]),
    ({"app": "json.decoder:NaN", "factory": True}, ["is not a factory", "a function that returns the appl"]),
    ({"app": 5}, ["app 5", "not an application"]),
    ({"server_field": "kyoukai\r\nX: y"}, [r"server_field is 'kyoukai\r\nX: y'", "printable ASCII"]),
    ({"server_field": "境界"}, ["server_field is '境界'", "printable ASCII"]),
    ({"server_field": None}, ["server_field is None", "str"]),
    ({"access_log": "yes"}, ["access_log is 'yes'", "bool"]),
    ({"access_log": 1}, ["access_log is 1", "bool"]),
    ({"access_log_format": 1}, ["access_log_format is 1", "text"]),
    ({"access_log_format": "{statu}"}, ["unknown field 'statu'", "did you mean status?"]),
    ({"cancel_on_disconnect": 1}, ["cancel_on_disconnect is 1", "bool"]),
    ({"resource_name": 5}, ["resource_name is 5", "str"]),
    ({"resource_name": ""}, ["resource_name is ''"]),
    ({"resource_name": "the web"}, ["resource_name is 'the web'"]),
    ({"ssl": "server.pem"}, ["ssl is 'server.pem'", "mapping with certificate and key"]),
    ({"ssl": [{"password": "hush"}]}, ["ssl is a list;", "mapping with certificate and key"]),
    ({"ssl": {}}, ["ssl has no certificate", "PEM file"]),
    ({"ssl": {"certificat": "server.pem"}}, ["'certificat' in ssl", "did you mean certificate?"]),
    (
        {"ssl": {1: "server.pem"}},
        ["1", "ssl", "known: alpn, certificate, client_ca, client_certificates, key, password, sni"],
    ),
    ({"ssl": {"certificate": "/no/such.pem"}}, ["ssl.certificate is '/no/such.pem'", "no such file"]),
    ({"ssl": {"certificate": ["server.pem"]}}, ["ssl.certificate is ['server.pem']"]),
]


@pytest.mark.parametrize(("settings", "pieces"), BAD_SETTINGS, ids=[str(row[0]) for row in BAD_SETTINGS])
def test_a_bad_setting_is_one_error_that_says_what_is_right(settings: Any, pieces: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        KyoukaiComponent(**{"app": app, **settings})
    message = str(caught.value)
    for piece in pieces:
        assert piece in message
    # Click shows it as one line.
    assert caught.value.format_message() == message
    assert "\n" not in message


def test_errors_of_backends_have_classes_of_their_own() -> None:
    with pytest.raises(UnknownBackendError):
        KyoukaiComponent(app, backend="htptools")
    with pytest.raises(BackendOptionError):
        KyoukaiComponent(app, backend_options={"speed": 9})


def test_an_application_whose_module_fails_shows_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the user's code is no setting: its traceback is what helps."""
    (tmp_path / "failing_application.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        KyoukaiComponent("failing_application:app")


def test_a_lookup_error_of_the_users_module_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asphalt's sign of a bad reference is a ``LookupError``, and a ``KeyError`` is one too."""
    (tmp_path / "unset_application.py").write_text("import os\nos.environ['NOT_SET']\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(KeyError):
        KyoukaiComponent("unset_application:app")


def test_every_setting_has_a_default() -> None:
    component = KyoukaiComponent(app)
    assert component.app is app
    assert component.backend_name == "httptools"
    assert component.entrance.ssl_contexts[0] is None
    assert component.resource_name == "default"
    assert component.server.server_field == "kyoukai"
    assert component.server.observe is not None
    assert component.server.cancel_on_disconnect is False


def test_limits_may_be_made_before() -> None:
    limits = Limits(max_body_size=5)
    assert KyoukaiComponent(app, limits=limits).server.limits is limits


def test_settings_arrive() -> None:
    component = KyoukaiComponent(
        app,
        limits={"max_body_size": 5, "head_timeout": 3},
        host="::1",
        port=0,
        server_field="",
        access_log=False,
        cancel_on_disconnect=True,
    )
    listener = component.entrance.listeners[0]
    assert (listener.hosts, listener.port) == (("::1",), 0)
    assert component.server.limits.max_body_size == 5
    assert component.server.limits.head_timeout == 3
    assert component.server.server_field == ""
    assert component.server.observe is None
    assert component.server.cancel_on_disconnect is True


def test_absent_yaml_settings_have_defaults() -> None:
    """``host:`` and ``backend: !Env NOT_SET`` are ``None``."""
    component = KyoukaiComponent(app, host=None, port=None, uds=None, backend=None, limits=None, ssl=None)
    listener = component.entrance.listeners[0]
    assert (listener.hosts, listener.port) == (("127.0.0.1",), 8000)
    assert component.backend_name == "httptools"


def test_the_environment_outranks_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "reference")
    component = KyoukaiComponent(app, backend="httptools")
    assert component.backend_name == "reference"
    assert type(component.backend).__name__ == "ReferenceBackend"


def test_a_list_of_backends() -> None:
    component = KyoukaiComponent(app, backend=[PRISM, "reference"])
    assert list(component.backends) == [PRISM, "reference"]
    assert component.server.features == component.backend.features


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"bind": "http://127.0.0.1:0", "backend": ["reference", "httptools"]},
            "backends 'reference' and 'httptools' cannot be told apart in cleartext: neither has a preface "
            "that its connections begin with; leave one of them out",
        ),
        (
            {
                "bind": "https://127.0.0.1:0",
                "ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
                "backend": ["reference", "httptools"],
            },
            "backends 'reference' and 'httptools' cannot be told apart over TLS: both are for clients that "
            "agree on 'http/1.1' by ALPN, or on nothing; leave one of them out",
        ),
        ({"backend": []}, "backend is an empty list; it must name at least one backend"),
        (
            {"backend": {"h2": 1}},
            "backend is {'h2': 1}; it must be a name or module:attribute, or a list of them",
        ),
    ],
    ids=["cleartext", "TLS", "empty", "mapping"],
)
def test_invalid_list_of_backends(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(BackendError) as caught:
        KyoukaiComponent(app, **settings)
    assert str(caught.value) == message


def test_backends_must_differ_only_on_a_listening_server() -> None:
    """These have one preface, and two protocols by ALPN."""
    backends = [PRISM, "tests.wire.prefaced:SamePrefaceBackend"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert KyoukaiComponent(app, bind="https://127.0.0.1:0", ssl=context, backend=backends)
    with pytest.raises(BackendError, match="in cleartext: connections begin with"):
        KyoukaiComponent(app, bind="http://127.0.0.1:0", backend=backends)


def test_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "")
    assert KyoukaiComponent(app, backend="reference").backend_name == "reference"
    assert KyoukaiComponent(app).backend_name == "httptools"


def test_the_variable_is_checked_like_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "refrence")
    with pytest.raises(UnknownBackendError, match="unknown backend 'refrence'; did you mean reference"):
        KyoukaiComponent(app, backend="httptools")


def test_it_is_registered_with_asphalt() -> None:
    component = component_types.create_object("kyoukai", app=app)
    assert type(component) is KyoukaiComponent
    assert isinstance(component, Component)


# TLS


class Certificates:
    """PEM files of one test authority."""

    def __init__(self, folder: Path) -> None:
        settings, self.authority = write_certificate(folder)
        self.folder = folder
        self.certificate, self.key = settings["certificate"], settings["key"]
        both, _ = write_certificate(folder, name="both", authority=self.authority, with_key=True)
        self.both = both["certificate"]
        self.other_key = both["key"]
        self.garbage = self.write("garbage.pem", b"this is no PEM file\n")
        private_key = serialization.load_pem_private_key(Path(self.key).read_bytes(), None)
        encrypted = private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
        self.encrypted = self.write("encrypted.pem", encrypted)

    def write(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def refusal(**settings: Any) -> str:
    """Return what is said of the ``ssl`` settings."""
    with pytest.raises(ConfigurationError) as caught:
        KyoukaiComponent(app, ssl=settings)
    return str(caught.value)


def test_a_missing_key_file(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.certificate, key="/no/such.pem")
    assert message == "ssl.key is '/no/such.pem'; there is no such file"


def test_a_certificate_without_its_key(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.certificate)
    expected = "holds no private key in PEM; set ssl.key, or append the key"
    assert message == f"ssl.certificate {certificates.certificate!r} {expected}"


def test_invalid_certificate(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.garbage, key=certificates.key)
    assert message == f"ssl.certificate {certificates.garbage!r} holds no certificate in PEM"


def test_invalid_key(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.certificate, key=certificates.garbage)
    assert message == f"ssl.key {certificates.garbage!r} holds no private key in PEM"


def test_a_key_of_another_certificate(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.certificate, key=certificates.other_key)
    assert certificates.other_key in message
    assert "mismatch" in message.lower()


def test_an_encrypted_key_without_its_password(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.certificate, key=certificates.encrypted)
    assert certificates.encrypted in message
    assert "password" in message


def test_an_encrypted_key_with_another_password(certificates: Certificates) -> None:
    message = refusal(certificate=certificates.certificate, key=certificates.encrypted, password="xyzzy")
    assert certificates.encrypted in message
    assert "password" in message
    assert "xyzzy" not in message


@pytest.mark.parametrize("password", [5, ["sesame"]])
def test_a_password_that_is_no_text(certificates: Certificates, password: object) -> None:
    message = refusal(certificate=certificates.certificate, key=certificates.encrypted, password=password)
    assert "ssl.password" in message


@pytest.mark.parametrize(
    "alpn",
    ["http/1.1", 5, [1], [""], ["x" * 256], ["境界"]],
    ids=["text", "number", "list of numbers", "empty name", "long name", "not ASCII"],
)
def test_invalid_protocol_names(certificates: Certificates, alpn: object) -> None:
    message = refusal(certificate=certificates.both, alpn=alpn)
    assert "ssl.alpn" in message


def test_an_encrypted_key_is_never_asked_for(certificates: Certificates, tmp_path: Path) -> None:
    write_application(tmp_path)
    files = ["--ssl-certfile", certificates.certificate, "--ssl-keyfile", certificates.encrypted]
    with kyoukai_run("served:app", "--port", "0", *files, folder=tmp_path) as process:
        assert process.finish() == 1
    assert process.stderr.count("\n") == 1
    assert process.stderr.startswith("Error: ssl.")
    assert "pass phrase" not in process.stderr


@pytest.mark.parametrize("form", ["two files", "one file", "encrypted", "context"])
def test_tls(certificates: Certificates, form: str, loop_factory: Any) -> None:
    settings: Any
    if form == "two files":
        settings = {"certificate": certificates.certificate, "key": certificates.key}
    elif form == "one file":
        settings = {"certificate": certificates.both}
    elif form == "encrypted":
        settings = {"certificate": certificates.certificate, "key": certificates.encrypted}
        settings["password"] = "sesame"
    else:
        settings = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        settings.load_cert_chain(certificates.both)
    trusting = trusting_context(certificates.authority)
    trusting.set_alpn_protocols(["h2", "http/1.1"])
    with running(app=app, ssl=settings, loop_factory=loop_factory) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        plain = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        with trusting.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            protocol = client.selected_alpn_protocol()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert protocol == (None if form == "context" else "http/1.1")


# Resources


@pytest.mark.parametrize("name", ["default", "web"])
def test_resources(name: str) -> None:
    async def serve() -> None:
        component = KyoukaiComponent(app, port=0, resource_name=name)
        async with Context() as ctx:
            assert ctx.get_resource(KyoukaiComponent, name) is None
            await component.start(ctx)
            assert ctx.require_resource(KyoukaiComponent, name) is component
            assert ctx.require_resource(Application, name) is app
            assert ctx.require_resource(Backend, name) is component.backend
            assert len(ctx.get_resources(KyoukaiComponent)) == 1

    asyncio.run(serve())


def test_two_components_in_one_process() -> None:
    async def serve() -> set[int]:
        components = [KyoukaiComponent(app, port=0, resource_name=name) for name in ("one", "two")]
        async with Context() as ctx:
            for component in components:
                await component.start(ctx)
            return {component.address[1] for component in components}

    assert len(asyncio.run(serve())) == 2


def test_a_start_that_fails_publishes_and_leaves_nothing() -> None:
    async def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            component = KyoukaiComponent(app, port=taken.getsockname()[1])
            async with Context() as ctx:
                with pytest.raises(ListenError):
                    await component.start(ctx)
                assert not ctx.get_resources(KyoukaiComponent)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(serve())


# Signals


def test_signals_reach_listeners(backend: str, loop_factory: Any) -> None:
    events: list[Any] = []
    with running(app=app, backend=backend, loop_factory=loop_factory) as server:
        component = server.component
        server.call(component.connection_made.connect, events.append)
        server.call(component.connection_lost.connect, events.append)
        with server.connect() as client:
            client.request(REQUEST)
            server.wait_until(lambda: len(events) == 1)
            [connection] = server.server.connections
        server.wait_until(lambda: len(events) == 2)
    made, lost = events
    assert type(made) is ConnectionMadeEvent
    assert type(lost) is ConnectionLostEvent
    assert (made.source, made.topic, made.protocol) == (component, "connection_made", connection)
    assert (lost.source, lost.topic, lost.protocol) == (component, "connection_lost", connection)
    assert lost.exc is None


def test_connection_lost_says_why(backend: str, loop_factory: Any) -> None:
    events: list[ConnectionLostEvent] = []
    with running(app=app, backend=backend, loop_factory=loop_factory) as server:
        server.call(server.component.connection_lost.connect, events.append)
        client = server.connect()
        client.request(REQUEST)
        client.reset()
        server.wait_until(lambda: events)
    assert isinstance(events[0].exc, ConnectionResetError)


def test_stop_notifies_listeners(loop_factory: Any) -> None:
    events: list[ConnectionLostEvent] = []
    with running(app=app, loop_factory=loop_factory) as server:
        server.call(server.component.connection_lost.connect, events.append)
        client = server.connect()
        client.request(REQUEST)
    with client:
        assert client.receive_rest() == b""
    assert [event.exc for event in events] == [None]


@pytest.fixture
def made_events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topic of every connection event that is made during the test."""
    made: list[str] = []
    for event_class in (ConnectionMadeEvent, ConnectionLostEvent):
        initialize = event_class.__init__

        def count(self: Any, source: Any, topic: str, *args: Any, _initialize: Any = initialize) -> None:
            made.append(type(self).__name__)
            _initialize(self, source, topic, *args)

        monkeypatch.setattr(event_class, "__init__", count)
    return made


def serve_one_connection(server: Any) -> None:
    with server.connect() as client:
        client.request(REQUEST)
    server.wait_until(lambda: not server.server.connections)


def test_no_event_is_made_without_listeners(made_events: list[str]) -> None:
    with running(app=app) as server:
        component = server.component
        serve_one_connection(server)
        # Neither for somebody who has gone, nor for who listens to another component.
        server.call(component.connection_made.connect, print)
        server.call(component.connection_made.disconnect, print)
        other = KyoukaiComponent(app)
        other.connection_lost.connect(print)
        serve_one_connection(server)
        assert made_events == []
        server.call(component.connection_made.connect, lambda event: None)
        serve_one_connection(server)
    assert made_events == ["ConnectionMadeEvent"]


def test_asking_for_listeners_makes_nothing() -> None:
    component = KyoukaiComponent(app)
    assert not has_listeners(KyoukaiComponent.connection_made, component)
    assert component not in KyoukaiComponent.connection_made.bound_signals
    component.connection_made.connect(print)
    assert has_listeners(KyoukaiComponent.connection_made, component)
    assert not has_listeners(KyoukaiComponent.connection_lost, component)


# Its life within a loop


def test_a_whole_life_warns_of_nothing(backend: str, loop_factory: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with running(app=app, backend=backend, loop_factory=loop_factory) as server:
            assert server.request(REQUEST).body == b"Context"
        gc.collect()
    assert [str(warning.message) for warning in caught] == []


def test_a_component_starts_again(backend: str) -> None:
    """Nothing of the first life is left in the second."""
    component = KyoukaiComponent(app, backend=backend, port=0)

    async def live() -> bytes:
        async with Context() as ctx:
            await component.start(ctx)
            reader, writer = await asyncio.open_connection(*component.address)
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    for _ in range(2):
        answer = asyncio.run(live())
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_error_of_ours_is_logged_as_one_line(caplog: pytest.LogCaptureFixture) -> None:
    report_in_one_line()
    logger = logging.getLogger("asphalt.core.runner")
    for error in (ListenError("cannot listen on here: it is taken"), KeyError("not ours")):
        try:
            raise error
        except Exception:
            logger.exception("Error during %s", "startup")
    ours, theirs = caplog.records
    assert ours.getMessage() == "Error during startup: cannot listen on here: it is taken"
    assert ours.exc_info is None
    assert theirs.getMessage() == "Error during startup"
    assert theirs.exc_info is not None


# `asphalt run`


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a module ``served`` lies, with :data:`APPLICATION`."""
    write_application(tmp_path)
    return tmp_path


CONFIG = """
component:
  type: kyoukai
  app: served:app
  port: 0
"""

NESTED = """
component:
  type: asphalt.core:ContainerComponent
  components:
    kyoukai:
      app: served:app
"""


def without_info(process: Process) -> list[str]:
    """Return the lines of standard error that are no INFO."""
    return [line for line in process.stderr.splitlines() if not line.startswith("INFO:")]


def test_asphalt_serves_on_each_backend(folder: Path, backend: str) -> None:
    with asphalt_run(f"{CONFIG}  backend: {backend}\n", folder) as process:
        assert process.url.startswith("http://127.0.0.1:")
        assert f"(backend {backend}, loop asyncio)" in process.stderr
        with process.connect() as client:
            assert client.request(QUICK).body == b"answer to /quick"
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert without_info(process) == []


def test_the_environment_outranks_the_configuration_file(folder: Path) -> None:
    config = f"{CONFIG}  backend: httptools\n"
    with asphalt_run(config, folder, environ={BACKEND_VARIABLE: "reference"}) as process:
        process.wait_for(r"\(backend reference, loop asyncio\)")


def test_asphalt_on_uvloop(folder: Path) -> None:
    with asphalt_run(f"{CONFIG}event_loop_policy: uvloop\n", folder) as process:
        process.wait_for(r"\(backend httptools, loop uvloop\)")
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGINT)
        assert process.finish() == 0
    assert without_info(process) == []


UNKNOWN = "unknown backend 'htptools'; did you mean httptools? known: h2, httptools, reference"


def test_an_unknown_backend_is_one_line(folder: Path) -> None:
    with asphalt_run(f"{CONFIG}  backend: htptools\nlogging: 30\n", folder) as process:
        assert process.finish() == 1
    assert process.stderr == f"Error: {UNKNOWN}\n"
    assert process.stdout == ""


def test_an_unknown_backend_is_one_line_beside_the_log(folder: Path) -> None:
    with asphalt_run(f"{CONFIG}  backend: htptools\n", folder) as process:
        assert process.finish() == 1
    assert without_info(process) == [f"Error: {UNKNOWN}"]


def test_an_unknown_backend_in_a_container(folder: Path) -> None:
    with asphalt_run(f"{NESTED}      backend: htptools\n", folder) as process:
        assert process.finish() == 1
    [line] = without_info(process)
    assert line.endswith(UNKNOWN)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("nested", [False, True], ids=["root", "nested"])
def test_a_taken_port_is_one_line(folder: Path, nested: bool, loop: str) -> None:
    policy = "event_loop_policy: uvloop\n" if loop == "uvloop" else ""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        indent = "      " if nested else "  "
        config = (NESTED if nested else CONFIG.replace("  port: 0\n", "")) + f"{indent}port: {port}\n{policy}"
        with asphalt_run(config, folder) as process:
            assert process.finish() == 1
    [line] = without_info(process)
    assert line.startswith("ERROR:")
    assert f"cannot listen on 127.0.0.1:{port}: the address is already in use" in line


def begin(process: Process, path: bytes, count: int) -> list[Client]:
    """Open connections, each with a request under way, and return them."""
    clients = [process.connect() for _ in range(count)]
    for client in clients:
        client.send(SLOW.replace(b"/slow", path))
    process.wait_for("(?m)^begun$", count)
    return clients


def is_refused(url: str) -> bool:
    """Return whether nobody accepts connections there any more."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as client:
        client.settimeout(PATIENCE)
        return client.connect_ex((host, int(port))) == errno.ECONNREFUSED


@contextlib.contextmanager
def stopping(process: Process, number: signal.Signals) -> Iterator[None]:
    """Send a signal, and go on as soon as the server has begun to stop."""
    with process.connect() as idle:
        assert idle.request(QUICK).status == 200
        process.send(number)
        wait_until_stopping(idle)
        yield


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_lets_requests_under_way_finish(folder: Path, number: signal.Signals, loop: str) -> None:
    with kyoukai_run("served:app", "--port", "0", "--loop", loop, folder=folder) as process:
        clients = begin(process, b"/slow", 10)
        with stopping(process, number):
            assert is_refused(process.url)
            process.send(signal.SIGUSR1)
            for client in clients:
                with client:
                    answer = client.receive()
                    assert (answer.status, answer.body) == (200, b"answer to /slow")
                    assert answer.fields["connection"] == "close"
                    assert client.receive_rest() == b""
        assert process.finish() == 0
    assert process.stderr.rstrip().endswith("stopped")
    assert "Traceback" not in process.stderr
    assert "cutting off" not in process.stderr


# The last turns of Asphalt's own runner are not ours: on uvloop it may lose a SIGTERM then.
@pytest.mark.parametrize(
    ("number", "loop"),
    [(signal.SIGTERM, "asyncio"), (signal.SIGINT, "asyncio"), (signal.SIGINT, "uvloop")],
    ids=["SIGTERM-asyncio", "SIGINT-asyncio", "SIGINT-uvloop"],
)
def test_a_signal_as_soon_as_it_serves(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, loop: str
) -> None:
    """It is neither lost nor fatal: whoever reads that it serves may stop it."""
    monkeypatch.chdir(folder)
    with kyoukai_run("served:app", "--uds", "server.sock", "--loop", loop, folder=folder) as process:
        assert process.url == "unix:server.sock"
        process.send(number)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr
    assert not (folder / "server.sock").exists()


PAUSED = """
import os, signal, time
from kyoukai.asphalt import KyoukaiComponent

class Paused(KyoukaiComponent):
    async def start(self, ctx):
        await super().start(ctx)
        # As if a container had been paused meanwhile.
        time.sleep(0.2)
        os.kill(os.getpid(), signal.{number})
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_after_a_pause_in_the_last_turns_of_the_start(folder: Path, number: str, loop: str) -> None:
    (folder / "paused.py").write_text(PAUSED.format(number=number))
    policy = "event_loop_policy: uvloop\n" if loop == "uvloop" else ""
    with asphalt_run(CONFIG.replace("type: kyoukai", "type: paused:Paused") + policy, folder) as process:
        assert process.end() == 0
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)],
    ids=["SIGTERM", "SIGINT", "SIGTERM then SIGINT"],
)
def test_a_second_signal_stops_at_once(
    folder: Path, first: signal.Signals, second: signal.Signals, loop: str
) -> None:
    # It would wait for longer than the test does.
    limits = "  limits: {shutdown_timeout: 300}\n"
    policy = "event_loop_policy: uvloop\n" if loop == "uvloop" else ""
    with asphalt_run(f"{CONFIG}{limits}{policy}", folder) as process:
        [client] = begin(process, b"/endless", 1)
        with client, stopping(process, first):
            process.send(second)
            assert client.receive_rest() == b""
            assert process.finish() == 0
    assert "Traceback" not in process.stderr
    assert without_info(process)[-1] == "WARNING:kyoukai.server:cutting off 1 connections and 0 handlers"


def test_stop_respects_its_timeout(folder: Path) -> None:
    with asphalt_run(f"{CONFIG}  limits: {{shutdown_timeout: 0.05}}\n", folder) as process:
        [client] = begin(process, b"/endless", 1)
        with client, stopping(process, signal.SIGTERM):
            assert client.receive_rest() == b""
            assert process.finish() == 0
    assert "Traceback" not in process.stderr


def test_a_whole_life_with_warnings_as_errors(folder: Path, backend: str) -> None:
    (folder / "config.yaml").write_text(f"{CONFIG}  backend: {backend}\n")
    command = ("-W", "error", "-X", "dev", "-m", "asphalt", "run", "config.yaml")
    with python(*command, folder=folder) as process:
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Warning" not in process.stderr
    assert "Traceback" not in process.stderr


# A Unix socket


UDS_CONFIG = """
component:
  type: kyoukai
  app: served:app
  uds: server.sock
"""


@pytest.fixture
def near(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as the working directory: a socket's path is relative, for a whole one may be too long."""
    monkeypatch.chdir(folder)
    return folder


def test_a_unix_socket_is_removed_at_the_end(near: Path) -> None:
    with asphalt_run(UDS_CONFIG, near) as process:
        assert process.url == "unix:server.sock"
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert not (near / "server.sock").exists()


def test_socket_of_a_killed_server_is_taken_over(near: Path) -> None:
    with asphalt_run(UDS_CONFIG, near) as killed:
        assert killed.url == "unix:server.sock"
        killed.send(signal.SIGKILL)
        assert killed.finish() == -signal.SIGKILL
    assert (near / "server.sock").exists()
    with asphalt_run(UDS_CONFIG, near) as process, process.connect() as client:
        assert client.request(QUICK).status == 200


def test_a_unix_socket_of_a_living_server_is_refused(near: Path) -> None:
    with asphalt_run(UDS_CONFIG, near) as living, living.connect() as client:
        with asphalt_run(UDS_CONFIG, near) as refused:
            assert refused.finish() == 1
        [line] = without_info(refused)
        assert "cannot listen on server.sock: the address is already in use" in line
        assert client.request(QUICK).status == 200
        with living.connect() as another:
            assert another.request(QUICK).status == 200
