"""What real proxies say of their client, in each of the ways that there are, and that it is believed."""

import contextlib
import socket

import pytest

from ..serving import message
from ..wire.conftest import authority, authority_file, tls
from .proxies import KEPT, haproxy, nginx

# Those of the wire's tests, for the server's own certificate.
__all__ = ("authority", "authority_file", "tls")

TRUSTED = {"trusted_proxies": ["127.0.0.1"]}
PROXY_PROTOCOL = {**TRUSTED, "port": None, "bind": "127.0.0.1:0?proxy_protocol=required"}

FORGED = [
    "X-Forwarded-For: 198.51.100.66",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=198.51.100.66;proto=https;host=evil.example",
]


def ask(client, target="/"):
    """Ask as somebody who claims to be another."""
    return client.request(message("GET", target, *FORGED))


def check_client(environ, client):
    host, port = client.socket.getsockname()
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (host, str(port))


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
def test_haproxy_speaks_the_proxy_protocol(front, version):
    proxy, _, app = front(haproxy, settings=PROXY_PROTOCOL, server_options=version)
    with proxy.connect() as client, proxy.connect() as other:
        for one in (client, other, client):
            assert ask(one).status == 200
            check_client(app.environ, one)
        assert app.environ["SERVER_PORT"] == str(proxy.address[1])
        assert app.environ["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
def test_haproxy_passes_tcp_on(front, version):
    proxy, _, app = front(haproxy, settings=PROXY_PROTOCOL, options=["mode tcp"], server_options=version)
    with proxy.connect() as client:
        for number in range(3):
            assert ask(client, f"/{number}").status == 200
            check_client(app.environ, client)


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"])
def test_tls_behind_the_proxy_protocol(front, tls, authority_file, version):
    settings = {**PROXY_PROTOCOL, "bind": "https://127.0.0.1:0?proxy_protocol=required", "ssl": tls}
    options = f"ssl verify required ca-file {authority_file} verifyhost localhost {version}"
    proxy, _, app = front(haproxy, settings=settings, server_options=options)
    with proxy.connect() as client:
        assert ask(client).status == 200
        check_client(app.environ, client)
    assert app.environ["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
def test_health_checks_with_the_proxy_protocol(front, version):
    # Those of version 2 are LOCAL: the client is the proxy itself.
    proxy, server, app = front(
        haproxy,
        settings=PROXY_PROTOCOL,
        options=["option httpchk GET /health"],
        server_options=f"{version} check check-send-proxy inter 50ms fall 1",
    )
    server.wait_until(lambda: app.seen.count("GET /health") >= 2)
    assert app.environ["REMOTE_ADDR"] == "127.0.0.1"
    with proxy.connect() as client:
        assert ask(client).status == 200


def test_haproxy_that_is_not_trusted_gets_no_answer(front):
    settings = {**PROXY_PROTOCOL, "trusted_proxies": ["192.0.2.1"]}
    proxy, _, app = front(haproxy, settings=settings, server_options="send-proxy-v2")
    assert proxy.request(message()).status == 502
    assert app.seen == []


def test_nginx_writes_x_forwarded(front):
    fields = [
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto https;",
        "proxy_set_header X-Forwarded-Host shop.example;",
        'proxy_set_header X-Forwarded-Port "8443";',
    ]
    settings = {"trusted_proxies": ["127.0.0.0/8"], "forwarded": "x-forwarded", "forwarded_host": True}
    proxy, _, app = front(nginx, settings=settings, options=[*KEPT, *fields])
    for _ in range(2):
        with from_address("127.0.0.9", proxy) as client:
            client.sendall(message("GET", "/", *FORGED, "Connection: close"))
            client.makefile("rb").read()
    assert app.requests[-1].remote_addr == "127.0.0.9"
    assert app.requests[-1].url == "https://shop.example:8443/"


@contextlib.contextmanager
def from_address(address, proxy):
    """Connect to a proxy from another address of this machine."""
    with socket.create_connection(proxy.address, source_address=(address, 0)) as client:
        yield client


def test_nginx_adds_to_what_its_client_sent(front):
    add = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
    settings = {"trusted_proxies": ["127.0.0.1"], "forwarded": "x-forwarded"}
    proxy, _, app = front(nginx, settings=settings, options=[*KEPT, add])
    with from_address("127.0.0.9", proxy) as client:
        client.sendall(message("GET", "/", "X-Forwarded-For: 198.51.100.66", "Connection: close"))
        client.makefile("rb").read()
    assert app.environ["HTTP_X_FORWARDED_FOR"] == "198.51.100.66, 127.0.0.9"
    assert app.environ["REMOTE_ADDR"] == "127.0.0.9"


@pytest.mark.parametrize("adds", [False, True])
def test_nginx_writes_forwarded(front, adds):
    own = 'for=$remote_addr;proto=https;host=\\"shop.example:8443\\"'
    value = f"$http_forwarded, {own}" if adds else own
    settings = {"trusted_proxies": ["127.0.0.1"], "forwarded": "forwarded"}
    proxy, _, app = front(nginx, settings=settings, options=[*KEPT, f'proxy_set_header Forwarded "{value}";'])
    with from_address("127.0.0.9", proxy) as client:
        # A quotation mark that it leaves open does not swallow what nginx adds.
        client.sendall(message("GET", "/", 'Forwarded: for=198.51.100.66;host="evil', "Connection: close"))
        client.makefile("rb").read()
    assert app.requests[-1].remote_addr == "127.0.0.9"
    assert app.requests[-1].url == "https://shop.example:8443/"
