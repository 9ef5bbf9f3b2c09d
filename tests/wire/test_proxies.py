"""What is believed of a client's address: over real sockets, of proxies that are trusted and of others.

Each attempt claims to be somebody else. None is believed, and none is answered with a 500.
"""

import contextlib
import ipaddress
import json
import logging
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, read_content, send_answer
from kyoukai.core.errors import ConfigurationError
from kyoukai.server.proxy_protocol import MAX_HEADER, SIGNATURE

from ..serving import PATIENCE, Answering, Running, message

VICTIM = "198.51.100.66"
"""Whom an attacker claims to be."""
HOST = "evil.example"

LOOPBACKS = {"IPv4": "127.0.0.1", "IPv6": "::1"}

V1 = b"PROXY TCP4 %b 192.0.2.2 6666 443\r\n" % VICTIM.encode()
V1_6 = b"PROXY TCP6 2001:db8::66 2001:db8::2 6666 443\r\n"


def binary(
    family: int = 0x11, source: str = VICTIM, destination: str = "192.0.2.2", tlvs: bytes = b"", **other: int
) -> bytes:
    """Return a header of version 2."""
    block = b"".join(ipaddress.ip_address(end).packed for end in (source, destination))
    block += struct.pack("!HH", 6666, 443) + tlvs
    size = other.get("size", len(block))
    return SIGNATURE + struct.pack("!BBH", other.get("command", 0x21), family, size) + block


V2 = binary()
V2_6 = binary(0x21, "2001:db8::66", "2001:db8::2")


@Answering
async def show(request: Any) -> Response:
    """Answer with who the client is."""
    names = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "SCRIPT_NAME")
    told = {name: request.environ.get(name) for name in names}
    return Response(json.dumps({**told, "url": request.url}))


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.fixture(params=["IPv4", "IPv6"])
def loopback(request: pytest.FixtureRequest) -> str:
    """The address of this machine to itself, of each family."""
    if request.param == "IPv6" and not has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    return LOOPBACKS[request.param]


@contextlib.contextmanager
def connected(server: Running) -> Iterator[socket.socket]:
    address = server.component.address
    with socket.create_connection(address, PATIENCE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client


def answer(client: socket.socket) -> bytes:
    """Return what comes until the server closes."""
    pieces = []
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def ask(server: Running, *fields: str, before: bytes = b"") -> Any:
    """Return what the application has seen of a request, and who asked."""
    with connected(server) as client:
        client.sendall(before + message("GET", "/", *fields, "Connection: close"))
        head, _, body = answer(client).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK"), head
        return json.loads(body), client.getsockname()


def bind(loopback: str, options: str = "") -> str:
    return f"[{loopback}]:0{options}" if ":" in loopback else f"{loopback}:0{options}"


def is_itself(told: Any, own: Any) -> bool:
    """Return whether the application has seen the client as it is."""
    return (
        (told["REMOTE_ADDR"], told["REMOTE_PORT"]) == (own[0], str(own[1]))
        and told["url"] == "http://localhost/"
        and told["wsgi.url_scheme"] == "http"
        and told["SCRIPT_NAME"] == ""
    )


# Fields of a peer that nobody trusts

CLAIMS: dict[str, list[str]] = {
    "X-Forwarded-For": [f"X-Forwarded-For: {VICTIM}"],
    "X-Forwarded-For twice": [f"X-Forwarded-For: {VICTIM}", f"X-Forwarded-For: {VICTIM}"],
    "X-Forwarded-For with a port": [f"X-Forwarded-For: {VICTIM}:1"],
    "X-Forwarded-For of IPv6": ["X-Forwarded-For: [2001:db8::66]:1"],
    "X-Forwarded-For of a proxy": ["X-Forwarded-For: 10.0.0.1, 10.0.0.2"],
    "X-Forwarded-For of this machine": ["X-Forwarded-For: 127.0.0.1, ::1"],
    "X-Forwarded-Proto": ["X-Forwarded-Proto: https"],
    "X-Forwarded-Host": [f"X-Forwarded-Host: {HOST}"],
    "X-Forwarded-Port": ["X-Forwarded-Port: 6666"],
    "X-Forwarded-Prefix": ["X-Forwarded-Prefix: /evil"],
    "all of them": [
        f"X-Forwarded-For: {VICTIM}",
        "X-Forwarded-Proto: https",
        f"X-Forwarded-Host: {HOST}",
        "X-Forwarded-Port: 6666",
    ],
    "Forwarded": [f"Forwarded: for={VICTIM};proto=https;host={HOST}"],
    "Forwarded twice": [f"Forwarded: for={VICTIM}", f"Forwarded: for={VICTIM};proto=https"],
    "Forwarded quoted": ['Forwarded: for="[2001:db8::66]:1";proto="https"'],
    "Forwarded unclosed": [f'Forwarded: for="{VICTIM}'],
    "an underscore": [f"X_Forwarded_For: {VICTIM}", "X_Forwarded_Proto: https"],
    "X-Real-IP": [f"X-Real-IP: {VICTIM}"],
    "other names": [f"True-Client-IP: {VICTIM}", "X-Forwarded-Scheme: https", "X-Forwarded-Ssl: on"],
    "Remote-Addr": [f"Remote-Addr: {VICTIM}", "Https: on", "Front-End-Https: on"],
}


@pytest.mark.parametrize("kind", ["x-forwarded", "forwarded"])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_peer_that_is_not_trusted_changes_nothing(serve, loopback, kind, claim):
    server = serve(
        show, port=None, bind=bind(loopback), trusted_proxies=["10.0.0.0/8", "unix"], forwarded=kind
    )
    told, own = ask(server, *CLAIMS[claim])
    assert is_itself(told, own)


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_proxy_is_trusted_by_default(serve, loopback, claim):
    server = serve(show, port=None, bind=bind(loopback), trusted_proxies=[loopback])
    told, own = ask(server, *CLAIMS[claim])
    assert is_itself(told, own)


# Fields that a proxy passes on, and adds to

TRUSTED: dict[str, tuple[str, list[str]]] = {
    "a client's own list": ("x-forwarded", [f"X-Forwarded-For: {VICTIM}, 203.0.113.7"]),
    "a client's own list, by another field": (
        "x-forwarded",
        [f"X-Forwarded-For: {VICTIM}", "X-Forwarded-For: 203.0.113.7"],
    ),
    "a proxy's address on the list": ("x-forwarded", [f"X-Forwarded-For: {VICTIM}, 10.0.0.1, 203.0.113.7"]),
    "this machine on the list": ("x-forwarded", ["X-Forwarded-For: 127.0.0.1, ::1, 203.0.113.7"]),
    "an open quotation mark": ("x-forwarded", [f'X-Forwarded-For: "{VICTIM}, 203.0.113.7']),
    "the other kind": (
        "x-forwarded",
        [f"Forwarded: for={VICTIM};proto=https;host={HOST}", "X-Forwarded-For: 203.0.113.7"],
    ),
    "a scheme that is none": (
        "x-forwarded",
        ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: javascript"],
    ),
    "a host that is none": ("x-forwarded", ["X-Forwarded-For: 203.0.113.7", f"X-Forwarded-Host: {HOST}/a b"]),
    "a user in the host": ("x-forwarded", ["X-Forwarded-For: 203.0.113.7", f"X-Forwarded-Host: a@{HOST}"]),
    "a host that nobody asked for": (
        "x-forwarded",
        ["X-Forwarded-For: 203.0.113.7", f"X-Forwarded-Host: {HOST}", "X-Forwarded-Port: 6666"],
    ),
    "a prefix that nobody asked for": (
        "x-forwarded",
        ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Prefix: //evil.example"],
    ),
    "a client's own element": ("forwarded", [f"Forwarded: for={VICTIM};proto=https, for=203.0.113.7"]),
    "a client's own field": (
        "forwarded",
        [f"Forwarded: for={VICTIM};proto=https;host={HOST}", "Forwarded: for=203.0.113.7"],
    ),
    "an element that is not closed": (
        "forwarded",
        [f'Forwarded: for={VICTIM};proto=https;host="{HOST}, for=203.0.113.7'],
    ),
    "an escaped quotation mark": ("forwarded", [f'Forwarded: for="{VICTIM}\\", for=203.0.113.7']),
    "a proxy's address in an element": (
        "forwarded",
        [f"Forwarded: for={VICTIM}, for=10.0.0.1, for=203.0.113.7"],
    ),
    "a scheme of Forwarded that is none": ("forwarded", ["Forwarded: for=203.0.113.7;proto=javascript"]),
    "a host of Forwarded that is none": ("forwarded", [f'Forwarded: for=203.0.113.7;host="{HOST}/a b"']),
    "the other kind, for Forwarded": (
        "forwarded",
        [f"X-Forwarded-For: {VICTIM}", "X-Forwarded-Proto: https", "Forwarded: for=203.0.113.7"],
    ),
}


@pytest.mark.parametrize("case", TRUSTED)
def test_fields_of_a_trusted_proxy_count_and_those_of_its_client_do_not(serve, loopback, case):
    kind, fields = TRUSTED[case]
    server = serve(
        show,
        port=None,
        bind=bind(loopback),
        trusted_proxies=[loopback, "10.0.0.0/8"],
        forwarded=kind,
        forwarded_host=case in ("a host that is none", "a user in the host"),
    )
    told, _ = ask(server, *fields)
    assert told["REMOTE_ADDR"] == "203.0.113.7"
    assert told["REMOTE_PORT"] is None
    assert told["url"] == "http://localhost/"
    assert told["SCRIPT_NAME"] == ""


NOBODY = [
    "unknown",
    "_hidden",
    "localhost",
    "192.0.2.256",
    "[::1",
    "fe80::1%eth0",
    "192.0.2.1:99999",
    "\xff",
    "",
]


@pytest.mark.parametrize("name", NOBODY)
@pytest.mark.parametrize("kind", ["x-forwarded", "forwarded"])
def test_unusable_field_leaves_the_proxy_as_the_client(serve, loopback, kind, name):
    server = serve(show, port=None, bind=bind(loopback), trusted_proxies=[loopback], forwarded=kind)
    field = f'Forwarded: for={VICTIM}, for="{name}"'
    if kind == "x-forwarded":
        field = f"X-Forwarded-For: {VICTIM}, {name or 'unknown'}"
    told, own = ask(server, field)
    assert is_itself(told, own)


def test_a_list_that_is_as_long_as_a_field_may_be(serve, loopback):
    server = serve(show, port=None, bind=bind(loopback), trusted_proxies=[loopback], forwarded="x-forwarded")
    told, own = ask(server, "X-Forwarded-For: " + f"{loopback}," * 1600 + "unknown")
    assert is_itself(told, own)


# The PROXY protocol

REFUSED: dict[str, bytes] = {
    "no header": b"",
    "a header behind the request line": b"GET / HTTP/1.1\r\n" + V1,
    "small letters": V1.lower(),
    "an empty line before": b"\r\n" + V1,
    "no such address": b"PROXY TCP4 198.51.100.256 192.0.2.2 1 2\r\n",
    "another family": b"PROXY TCP4 2001:db8::66 2001:db8::2 1 2\r\n",
    "no such port": b"PROXY TCP4 198.51.100.66 192.0.2.2 1 65536\r\n",
    "two spaces": b"PROXY  TCP4 198.51.100.66 192.0.2.2 1 2\r\n",
    "a bare LF": V1.replace(b"\r\n", b"\n"),
    "a line that is too long": b"PROXY UNKNOWN " + b"x" * 120 + b"\r\n",
    "v2 of another version": binary(command=0x31),
    "v2 of another command": binary(command=0x2F),
    "v2 of another family": binary(0x51),
    "v2 shorter than its addresses": binary(size=4),
    "v2 that is too long": binary(size=MAX_HEADER) + bytes(MAX_HEADER),
    "a broken signature": V2.replace(b"QUIT", b"QUID"),
}

HEADERS = {"v1": V1, "v1, IPv6": V1_6, "v2": V2, "v2, IPv6": V2_6}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_proxy_header_is_closed_without_an_answer(serve, loopback, case, caplog):
    caplog.set_level("DEBUG", "kyoukai.server")
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "trusted_proxies": [loopback]}
    server = serve(show, port=None, **options)
    caplog.clear()
    with connected(server) as client:
        client.sendall(REFUSED[case] + message("GET", "/"))
        assert answer(client) == b""
    server.wait_until(lambda: any(is_refusal(record) for record in caplog.records))
    [record] = [record for record in caplog.records if is_refusal(record)]
    assert record.levelname == "DEBUG"


def is_refusal(record: logging.LogRecord) -> bool:
    return record.getMessage().startswith("a connection was refused: ")


@pytest.mark.parametrize("header", HEADERS)
def test_a_peer_that_is_not_trusted_is_closed(serve, loopback, header, caplog):
    caplog.set_level("DEBUG", "kyoukai.server")
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "trusted_proxies": ["10.0.0.0/8"]}
    server = serve(show, port=None, **options)
    with connected(server) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(HEADERS[header] + message("GET", "/"))
        assert answer(client) == b""
    server.wait_until(lambda: any(is_refusal(record) for record in caplog.records))
    [record] = [record for record in caplog.records if is_refusal(record)]
    assert record.getMessage().endswith(f"{loopback} is not in trusted_proxies (proxy-not-trusted)")


@pytest.mark.parametrize("header", HEADERS)
def test_unexpected_proxy_header_is_not_a_request(serve, loopback, header):
    server = serve(show, port=None, bind=bind(loopback), trusted_proxies=[loopback])
    with connected(server) as client:
        client.sendall(HEADERS[header] + message("GET", "/", "Connection: close"))
        received = answer(client)
    assert received.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("pieces", ["whole", "by byte"])
@pytest.mark.parametrize("header", HEADERS)
def test_trusted_proxy_names_the_client(serve, loopback, header, pieces):
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "trusted_proxies": [loopback]}
    server = serve(show, port=None, **options)
    data = HEADERS[header] + message("GET", "/", "Connection: close")
    with connected(server) as client:
        step = len(data) if pieces == "whole" else 1
        for at in range(0, len(data), step):
            client.sendall(data[at : at + step])
        told = json.loads(answer(client).partition(b"\r\n\r\n")[2])
    is_6 = header.endswith("IPv6")
    assert told["REMOTE_ADDR"] == ("2001:db8::66" if is_6 else VICTIM)
    assert told["REMOTE_PORT"] == "6666"
    assert (told["SERVER_NAME"], told["SERVER_PORT"]) == ("2001:db8::2" if is_6 else "192.0.2.2", "443")


UNNAMED = {
    "UNKNOWN": b"PROXY UNKNOWN\r\n",
    "UNKNOWN with addresses": V1.replace(b"TCP4", b"UNKNOWN"),
    "v2 LOCAL": binary(command=0x20),
    "v2 of no family": binary(0x00),
    "v2 of Unix": SIGNATURE + struct.pack("!BBH", 0x21, 0x31, 216) + bytes(216),
}


@pytest.mark.parametrize("header", UNNAMED)
def test_unnamed_client_is_not_trusted(serve, loopback, header):
    """The proxy is trusted; its client may be anybody, and has sent the fields."""
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "trusted_proxies": [loopback]}
    server = serve(show, port=None, forwarded="x-forwarded", **options)
    told, own = ask(server, *CLAIMS["all of them"], before=UNNAMED[header])
    assert is_itself(told, own)


@pytest.mark.parametrize("header", HEADERS)
def test_named_client_is_trusted_if_listed(serve, loopback, header):
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "forwarded": "x-forwarded"}
    fields = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"]
    source = "2001:db8::66" if header.endswith("IPv6") else VICTIM
    server = serve(show, port=None, trusted_proxies=[loopback], **options)
    told, _ = ask(server, *fields, before=HEADERS[header])
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == (source, "http")
    server = serve(show, port=None, trusted_proxies=[loopback, source], **options)
    told, _ = ask(server, *fields, before=HEADERS[header])
    assert (told["REMOTE_ADDR"], told["wsgi.url_scheme"]) == ("203.0.113.7", "https")


@pytest.mark.parametrize("sent", [b"", V1[:1], V1[:-1], V2[:12], V2[:-1]])
def test_a_header_that_does_not_come_to_its_end(serve, loopback, sent, caplog):
    caplog.set_level("DEBUG", "kyoukai.server")
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "trusted_proxies": [loopback]}
    server = serve(show, port=None, limits={"head_timeout": 0.2}, **options)
    with connected(server) as client:
        client.sendall(sent)
        assert answer(client) == b""
    with connected(server) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert answer(client) == b""
    assert "incomplete after 0.2 s" in caplog.text
    told, _ = ask(server, before=V1)
    assert told["REMOTE_ADDR"] == VICTIM


def test_a_stop_gives_up_headers_and_serves_those_that_have_come(serve, loopback):
    options = {"bind": bind(loopback, "?proxy_protocol=required"), "trusted_proxies": [loopback]}
    server = serve(show, port=None, **options)
    with connected(server) as half, connected(server) as whole:
        half.sendall(V1[:10])
        whole.sendall(V1 + message("GET", "/"))
        server.begin_stop()
        assert answer(whole).startswith(b"HTTP/1.1 200 OK")
        assert answer(half) == b""


@pytest.mark.parametrize("header", HEADERS)
def test_the_header_comes_before_tls(serve, tls, trusting, loopback, header):
    address = f"https://{bind(loopback, '?proxy_protocol=required')}"
    server = serve(show, port=None, bind=address, ssl=tls, trusted_proxies=[loopback])
    with connected(server) as plain:
        plain.sendall(HEADERS[header])
        with trusting.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(message("GET", "/", "Connection: close"))
            told = json.loads(answer(client).partition(b"\r\n\r\n")[2])
    assert told["REMOTE_ADDR"] == ("2001:db8::66" if header.endswith("IPv6") else VICTIM)
    assert told["wsgi.url_scheme"] == "https"


# By a Unix socket


@pytest.fixture
def path(tmp_path, monkeypatch):
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)
    return "http.sock"


@pytest.mark.parametrize("is_trusted", [False, True])
def test_fields_by_a_unix_socket(serve, path, is_trusted):
    proxies = ["unix"] if is_trusted else ["0.0.0.0/0", "::/0"]
    server = serve(
        show, port=None, uds=path, trusted_proxies=proxies, forwarded="x-forwarded", forwarded_host=True
    )
    told = json.loads(server.request(message("GET", "/", *CLAIMS["all of them"])).body)
    assert told["REMOTE_ADDR"] == (VICTIM if is_trusted else None)
    assert told["url"] == ("https://evil.example:6666/" if is_trusted else "http://localhost/")


def test_the_proxy_protocol_by_a_unix_socket(serve, path):
    server = serve(show, port=None, bind=f"unix:{path}?proxy_protocol=required", trusted_proxies="unix")
    told = json.loads(server.request(V1 + message("GET", "/")).body)
    assert (told["REMOTE_ADDR"], told["SERVER_PORT"]) == (VICTIM, "443")
    told = json.loads(server.request(UNNAMED["UNKNOWN"] + message("GET", "/")).body)
    assert (told["REMOTE_ADDR"], told["SERVER_NAME"]) == (None, "localhost")


# What the application and the log make of it


def test_the_application_and_the_log_have_the_clients_view(serve, caplog):
    caplog.set_level("INFO", "kyoukai.access")
    app = Kyoukai("proxied")

    @app.route("/guests/")
    async def guests(ctx: HTTPRequestContext) -> str:
        return f"{ctx.request.remote_addr} {ctx.url_for('guests', _external=True)}"

    server = serve(
        app,
        trusted_proxies=["127.0.0.1"],
        forwarded="x-forwarded",
        forwarded_host=True,
        forwarded_prefix=True,
    )
    fields = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.example"]
    answered = server.request(message("GET", "/guests/", *fields, "X-Forwarded-Prefix: /shop"))
    assert answered.body == b"203.0.113.7 https://shop.example/shop/guests/"
    redirect = server.request(message("GET", "/guests", *fields, "X-Forwarded-Prefix: /shop"))
    assert redirect.fields["location"] == "https://shop.example/shop/guests/"
    server.wait_until(lambda: len(caplog.records) >= 2)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["203.0.113.7"] * 2


@pytest.mark.parametrize(
    ("header", "client", "is_taken"),
    [
        pytest.param(b"", "192.0.2.9", True, id="no header"),
        pytest.param(V1, f"{VICTIM}:6666", False, id="a client"),
        pytest.param(V1.replace(VICTIM.encode(), b"127.0.0.1"), "192.0.2.9", True, id="a trusted proxy"),
        # It is the proxy's own address, with a port of its own.
        pytest.param(UNNAMED["UNKNOWN"], "127.0.0.1:", False, id="nobody"),
    ],
)
def test_the_id_of_a_request_is_a_trusted_proxys(serve, header, client, is_taken, caplog):
    caplog.set_level("INFO", "kyoukai.access")
    server = serve(
        show,
        port=None,
        bind=f"127.0.0.1:0?proxy_protocol={'required' if header else 'off'}",
        trusted_proxies=["127.0.0.1"],
        forwarded="x-forwarded",
        access_log_format="json",
    )
    fields = ["X-Forwarded-For: 203.0.113.7, 192.0.2.9", "X-Request-ID: from-the-proxy"]
    server.request(header + message("GET", "/", *fields))
    server.wait_until(lambda: bool(caplog.records))
    told = json.loads(caplog.records[0].getMessage())
    assert told["client"].startswith(client)
    assert (told["request_id"] == "from-the-proxy") is is_taken


def test_the_lower_form_and_its_log(serve, caplog):
    caplog.set_level("INFO", "kyoukai.access")

    class Lower:
        async def process_exchange(self, exchange: Any, parent_context: Any) -> None:
            await read_content(exchange).read()
            await send_answer(exchange, "200 OK", [], exchange.client_environ["REMOTE_ADDR"].encode())

    server = serve(Lower(), trusted_proxies=["127.0.0.1"], forwarded="forwarded")
    body = server.request(message("POST", "/", 'Forwarded: for="203.0.113.7:99"', body=b"x")).body
    assert body == b"203.0.113.7"
    server.wait_until(lambda: bool(caplog.records))
    assert caplog.records[0].getMessage().startswith("203.0.113.7:99 ")


def test_hosts_of_routes_are_those_that_the_proxy_names(serve):
    app = Kyoukai("hosts")

    @app.route("/", methods=["POST"], host="shop.example", stream=True)
    async def shop(ctx: HTTPRequestContext) -> str:
        return f"the shop {sum([len(chunk) async for chunk in ctx.stream()])}"

    server = serve(app, trusted_proxies=["127.0.0.1"], forwarded="x-forwarded", forwarded_host=True)
    named = message("POST", "/", "X-Forwarded-Host: shop.example", body=b"12345")
    assert server.request(named).body == b"the shop 5"
    assert server.request(message("POST", "/", body=b"12345")).status == 404


# Settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"forwarded": "x-forwarded"}, "forwarded is 'x-forwarded', but trusted_proxies names no proxy"),
        ({"forwarded": "all", "trusted_proxies": ["::1"]}, "forwarded is 'all'; it must be 'x-forwarded' or"),
        ({"forwarded_host": True}, "forwarded_host needs forwarded to be 'x-forwarded'"),
        ({"forwarded": "forwarded", "forwarded_prefix": True}, "forwarded_prefix needs forwarded to be"),
        ({"forwarded_prefix": True}, "forwarded_prefix needs forwarded to be 'x-forwarded'"),
        ({"trusted_proxies": ["*"]}, "trusted_proxies has '*'; to trust every peer, list"),
        (
            {"port": None, "bind": "127.0.0.1:0?proxy_protocol=required"},
            "proxy_protocol is required, but trusted_proxies names no proxy",
        ),
    ],
)
def test_invalid_settings(serve, settings, said):
    with pytest.raises(ConfigurationError) as caught:
        serve(show, **settings)
    assert str(caught.value).startswith(said)
