"""Certificates: of hosts, of clients, and read again while a server runs."""

import contextlib
import json
import logging
import os
import signal
import ssl
import sys
from pathlib import Path

import pytest
import trustme
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError

from ..certificates import trusting_context, write_certificate
from ..processes import kyoukai_run, write_application
from ..serving import PATIENCE, Answering, Client, echo, message


def write(authority, folder, name, *hosts):
    """Write a certificate, and return the setting for it."""
    return write_certificate(folder, *hosts, name=name, authority=authority)[0]


def certificate_names(address, authority, host="localhost"):
    """Return the names in the certificate that a server shows a client which asks for ``host``."""
    context = trusting_context(authority)
    context.check_hostname = False
    with Client(address) as client, context.wrap_socket(client.socket, server_hostname=host) as secured:
        return {name for _, name in secured.getpeercert()["subjectAltName"]}


@Answering
async def client_of(request):
    """Answer with what is known of the client's certificate."""
    return Response(json.dumps({k: v for k, v in request.environ.items() if k.startswith("SSL_CLIENT")}))


# Of hosts


def test_each_host_has_its_certificate(serve, tls, authority, tmp_path):
    sni = {
        "shop.example": write(authority, tmp_path, "shop", "shop.example"),
        "*.shop.example": write(authority, tmp_path, "star", "*.shop.example"),
    }
    server = serve(echo, ssl={**tls, "sni": sni})
    address = server.component.address

    def names(host):
        return certificate_names(address, authority, host)

    assert names("shop.example") == names("SHOP.example") == {"shop.example"}
    assert names("www.shop.example") == {"*.shop.example"}
    own = {"localhost", "127.0.0.1"}
    assert names("a.www.shop.example") == names("example") == names("localhost") == names(None) == own


def test_a_host_of_its_own_is_served(serve, tls, authority, trusting, tmp_path):
    sni = {"shop.example": write(authority, tmp_path, "shop", "shop.example")}
    server = serve(echo, ssl={**tls, "sni": sni})
    with server.connect() as client:
        client.socket = trusting.wrap_socket(client.socket, server_hostname="shop.example")
        assert client.request(message("GET", "/a")).body == b"GET /a "


# Of clients


@pytest.fixture
def client_authority():
    """Who issues the certificates of clients."""
    return trustme.CA()


@pytest.fixture
def asking(client_authority, tmp_path, tls):
    """The setting ``ssl`` that asks clients for certificates."""
    client_authority.cert_pem.write_to_path(tmp_path / "clients.pem")
    return {**tls, "client_ca": str(tmp_path / "clients.pem")}


@pytest.mark.parametrize("wanted", ["required", "optional"])
def test_a_client_with_a_certificate(serve, asking, trusting, client_authority, wanted):
    issued = client_authority.issue_cert("renko@example.org", common_name="Renko, of Kyoto")
    issued.configure_cert(trusting)
    server = serve(client_of, ssl={**asking, "client_certificates": wanted})
    with server.connect(context=trusting) as client:
        told = json.loads(client.request(message("GET", "/", "SSL-Client-Verify: NONE")).body)
    assert told["SSL_CLIENT_VERIFY"] == "SUCCESS"
    assert told["SSL_CLIENT_S_DN"].startswith("CN=Renko\\, of Kyoto,OU=Testing cert")
    assert told["SSL_CLIENT_I_DN"].endswith(",O=trustme v" + told["SSL_CLIENT_I_DN"].rpartition("v")[2])
    assert int(told["SSL_CLIENT_M_SERIAL"], 16) > 0
    assert ssl.PEM_cert_to_DER_cert(told["SSL_CLIENT_CERT"]) == ssl.PEM_cert_to_DER_cert(
        issued.cert_chain_pems[0].bytes().decode()
    )


def test_optional_client_certificate_may_be_absent(serve, asking, trusting):
    server = serve(client_of, ssl={**asking, "client_certificates": "optional"})
    with server.connect(context=trusting) as client:
        assert json.loads(client.request(message()).body) == {"SSL_CLIENT_VERIFY": "NONE"}


@pytest.mark.parametrize("case", ["none", "another authority's"])
@pytest.mark.parametrize("settings", [{}, {"client_certificates": "required"}])
def test_a_client_without_a_good_certificate_is_turned_away(serve, asking, trusting, case, settings, caplog):
    if case != "none":
        trustme.CA().issue_cert("renko@example.org").configure_cert(trusting)
    server = serve(client_of, ssl={**asking, **settings})
    # By TLS 1.3 the client takes the handshake to be over before the server has seen its certificate.
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)), server.connect(context=trusting) as client:
        client.request(message())
    server.wait_until_empty()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_bad_optional_client_certificate_is_refused(serve, asking, trusting):
    trustme.CA().issue_cert("renko@example.org").configure_cert(trusting)
    server = serve(client_of, ssl={**asking, "client_certificates": "optional"})
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)), server.connect(context=trusting) as client:
        client.request(message())


def test_clients_are_asked_on_each_host(serve, asking, authority, trusting, tmp_path):
    sni = {"shop.example": write(authority, tmp_path, "shop", "shop.example")}
    server = serve(client_of, ssl={**asking, "sni": sni})
    with server.connect() as client:
        client.socket = trusting.wrap_socket(client.socket, server_hostname="shop.example")
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            client.request(message())


def test_without_the_setting_no_client_is_asked(serve, tls, trusting, client_authority):
    client_authority.issue_cert("renko@example.org").configure_cert(trusting)
    with serve(client_of, ssl=tls).connect(context=trusting) as client:
        assert json.loads(client.request(message()).body) == {}


# Read again


def test_new_connections_get_the_certificate_that_is_there_now(serve, authority, trusting, tmp_path, caplog):
    caplog.set_level("INFO", "kyoukai.server")
    settings = write(authority, tmp_path, "own", "localhost")
    server = serve(echo, ssl=settings)
    address = server.component.address
    with server.connect(context=trusting) as kept:
        assert kept.request(message()).status == 200
        write(authority, tmp_path, "own", "localhost", "new.example")
        assert certificate_names(address, authority) == {"localhost"}
        server.call(server.component.entrance.reload_certificates)
        assert certificate_names(address, authority) == {"localhost", "new.example"}
        # A connection that was made before goes on.
        assert kept.request(message()).status == 200
    assert "certificates and keys were reloaded" in caplog.text


@pytest.mark.parametrize("broken", ["no PEM", "gone", "another key"])
def test_broken_certificate_leaves_the_old_one(serve, authority, tmp_path, broken, caplog):
    settings = write(authority, tmp_path, "own", "localhost")
    server = serve(echo, ssl=settings)
    certificate = Path(settings["certificate"])
    if broken == "gone":
        certificate.unlink()
    elif broken == "no PEM":
        certificate.write_text("nothing")
    else:
        other = write(authority, tmp_path, "other", "localhost", "new.example")
        certificate.write_bytes(Path(other["certificate"]).read_bytes())
    server.call(server.component.entrance.reload_certificates)
    assert certificate_names(server.component.address, authority) == {"localhost"}
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith("the certificates were not reloaded: ssl.certificate ")
    assert record.exc_info is None
    caplog.clear()


def test_one_broken_certificate_of_several_changes_none(serve, authority, tmp_path, caplog):
    first = write(authority, tmp_path, "first", "localhost")
    second = write(authority, tmp_path, "second", "localhost")
    entries = [{"bind": "127.0.0.1:0", "ssl": settings} for settings in (first, second)]
    server = serve(echo, port=None, bind=entries)
    write(authority, tmp_path, "first", "new.example")
    Path(second["key"]).write_text("nothing")
    server.call(server.component.entrance.reload_certificates)
    assert certificate_names(server.component.address, authority) == {"localhost"}
    caplog.clear()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_sighup_reads_certificates_again(authority, tmp_path, loop):
    write_application(tmp_path)
    settings = write(authority, tmp_path, "own", "localhost")
    options = ("--ssl-certfile", settings["certificate"], "--ssl-keyfile", settings["key"], "--port", "0")
    with kyoukai_run("served:app", *options, "--loop", loop, folder=tmp_path) as process:
        host, _, port = process.url.removeprefix("https://").partition(":")
        address = (host, int(port))
        assert certificate_names(address, authority) == {"localhost"}
        write(authority, tmp_path, "own", "localhost", "new.example")
        process.send(signal.SIGHUP)
        process.wait_for("certificates and keys were reloaded")
        assert certificate_names(address, authority) == {"localhost", "new.example"}
        Path(settings["key"]).write_text("nothing")
        process.send(signal.SIGHUP)
        process.wait_for(
            "ERROR kyoukai.server: the certificates were not reloaded: ssl.key .* holds no private"
        )
        assert certificate_names(address, authority) == {"localhost", "new.example"}
        process.send(signal.SIGTERM)
        assert process.finish() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="workers need Linux")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_new_workers_have_the_certificate_that_is_there_now(authority, tmp_path, loop):
    write_application(tmp_path)
    settings = write(authority, tmp_path, "own", "localhost")
    options = ("--ssl-certfile", settings["certificate"], "--ssl-keyfile", settings["key"], "--port", "0")
    with kyoukai_run("served:app", *options, "--workers", "2", "--loop", loop, folder=tmp_path) as process:
        host, _, port = process.url.removeprefix("https://").partition(":")
        address = (host, int(port))

        def names():
            """Return what both workers show, be it that each gets some of so many connections."""
            return {frozenset(certificate_names(address, authority)) for _ in range(16)}

        assert names() == {frozenset({"localhost"})}
        write(authority, tmp_path, "own", "localhost", "new.example")
        process.send(signal.SIGHUP)
        process.wait_for("reloaded: 2 new workers serve")
        process.until(lambda: names() == {frozenset({"localhost", "new.example"})})
        key = Path(settings["key"]).read_text()
        Path(settings["key"]).write_text("nothing")
        process.send(signal.SIGHUP)
        process.wait_for("the reload failed; the old workers continue to serve")
        process.wait_for("holds no private key")
        assert names() == {frozenset({"localhost", "new.example"})}
        Path(settings["key"]).write_text(key)
        process.send(signal.SIGHUP)
        process.wait_for("reloaded: 2 new workers serve", count=2)
        process.send(signal.SIGTERM)
        assert process.finish() == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_without_certificates_sighup_ends_the_process_as_ever(tmp_path):
    write_application(tmp_path)
    with kyoukai_run("served:app", "--port", "0", folder=tmp_path) as process:
        with process.connect() as client:
            assert client.request(message("GET", "/quick")).status == 200
        process.send(signal.SIGHUP)
        assert process.finish() == -signal.SIGHUP


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="this system has no SIGUSR1")
def test_sigusr1_opens_log_files_anew_in_one_process(tmp_path):
    (tmp_path / "served.py").write_text(
        "from kyoukai import Kyoukai\n\napp = Kyoukai('served')\n\n\n@app.route('/')\nasync def index(ctx):\n"
        "    return 'hello'\n"
    )
    log, moved = tmp_path / "server.log", tmp_path / "server.log.1"
    options = ("--port", "0", "--log-file", str(log))
    with kyoukai_run("served:app", *options, folder=tmp_path) as process:
        port = wait_for_port(log)
        with Client(("127.0.0.1", port)) as client:
            assert client.request(message()).status == 200
            os.rename(log, moved)
            process.send(signal.SIGUSR1)
            answers = 0
            # A signal is seen at the latest when the next request wakes the loop up.
            while not log.exists() and answers < 1000:
                assert client.request(message()).status == 200
                answers += 1
            assert client.request(message()).status == 200
    assert '"GET / HTTP/1.1" 200' in moved.read_text()
    assert '"GET / HTTP/1.1" 200' in log.read_text()


def wait_for_port(log):
    """Return the port that a server says it listens on, in a file."""
    import re
    import time

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):
            if found := re.search(r"serves http://127\.0\.0\.1:(\d+)", log.read_text()):
                return int(found[1])
        time.sleep(0.01)
    raise AssertionError("the server does not start")


# Settings


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"client_certificates": "required"}, "ssl.client_certificates needs ssl.client_ca"),
        ({"client_ca": 1}, "ssl.client_ca is 1; it must be the path of a PEM file"),
        ({"client_ca": "/nowhere.pem"}, "ssl.client_ca is '/nowhere.pem'; it must be the path of a PEM file"),
        ({"client_ca": "KEY"}, "ssl.client_ca 'KEY' holds no certificate in PEM"),
        (
            {"client_ca": "CERTIFICATE", "client_certificates": "maybe"},
            "ssl.client_certificates is 'maybe'; it must be 'optional' or 'required'",
        ),
        ({"sni": []}, "ssl.sni is []; it must be a mapping of host names to certificate and key"),
        ({"sni": {"*": {}}}, "ssl.sni has '*'; it must be a host name, or *. and a host name"),
        ({"sni": {"a.*.example": {}}}, "ssl.sni has 'a.*.example'; it must be a host name"),
        ({"sni": {"a:443": {}}}, "ssl.sni has 'a:443'; it must be a host name, or *. and a host name"),
        ({"sni": {1: {}}}, "ssl.sni has 1; it must be a host name, or *. and a host name"),
        ({"sni": {"a.example": None}}, "ssl.sni['a.example'] is None; it must be a mapping"),
        ({"sni": {"a.example": {}}}, "ssl.sni['a.example'] has no certificate; it must be the path"),
        ({"sni": {"a.example": {"cert": "a"}}}, "unknown setting 'cert' in ssl.sni['a.example']; "),
        (
            {"sni": {"a.example": {"certificate": "KEY"}}},
            "ssl.sni['a.example'].certificate 'KEY' holds no certificate in PEM",
        ),
    ],
)
def test_invalid_settings(serve, tls, more, said):
    def fill(value):
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        return {"KEY": tls["key"], "CERTIFICATE": tls["certificate"]}.get(str(value), value)

    with pytest.raises(ConfigurationError) as caught:
        serve(echo, ssl={**tls, **fill(more)})
    assert str(caught.value).startswith(said.replace("'KEY'", repr(tls["key"])))
    assert "\n" not in str(caught.value)
