"""HTTP/2 and HTTP/1.1 on one port, over TLS and in cleartext, as curl and httpx ask for them."""

import json
import signal
import subprocess
from typing import Any

import httpx
import pytest
from werkzeug.wrappers import Response

from kyoukai import Feature, Kyoukai
from kyoukai.test_client import BlockingClient

from ..processes import kyoukai_run, python, write_application
from ..serving import PATIENCE, Answering, error_records, message

HINT = "backend h2 is installed: clients can use HTTP/2 over TLS with backend: [h2, httptools]"


@Answering
async def app(request: Any) -> Response:
    """Say by which protocol a request came, and what the wire can do."""
    environ = request.environ
    body = request.get_data()
    features = environ["kyoukai.protocol"].features
    said = [request.method, request.scheme, environ["SERVER_PROTOCOL"], str(Feature.REPLACE in features)]
    return Response(f"{' '.join(said)} {len(body)}")


@pytest.fixture
def both(serve: Any, backend: str) -> Any:
    """Serve by HTTP/2 and by each backend for HTTP/1.1, and on each loop."""

    def start(application: Any = app, **settings: Any) -> Any:
        return serve(application, **{"backend": ["h2", backend], **settings})

    return start


def curl(*args: str, data: bytes = b"") -> str:
    """Run curl, and return what it wrote to standard output."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(int(PATIENCE)), *args]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("options", "protocol"),
    [
        ([], "HTTP/1.1"),
        (["--http1.1"], "HTTP/1.1"),
        (["--http1.0"], "HTTP/1.0"),
        # It offers to upgrade, which is ignored: RFC 9113 section 3.1.
        (["--http2"], "HTTP/1.1"),
        (["--http2-prior-knowledge"], "HTTP/2"),
    ],
    ids=str,
)
def test_curl_in_cleartext(both: Any, options: list[str], protocol: str) -> None:
    url = both().url
    listed = str(protocol != "HTTP/2")
    assert curl(*options, url) == f"GET http {protocol} {listed} 0"
    body = b"x" * 100_000
    assert curl(*options, "--data-binary", "@-", url, data=body) == f"POST http {protocol} {listed} 100000"


@pytest.mark.parametrize(
    ("options", "protocol"),
    [
        ([], "HTTP/2"),
        (["--http2"], "HTTP/2"),
        (["--http1.1"], "HTTP/1.1"),
        (["--http1.0"], "HTTP/1.0"),
        (["--no-alpn"], "HTTP/1.1"),
    ],
    ids=str,
)
def test_curl_over_tls(both: Any, tls: Any, authority_file: str, options: list[str], protocol: str) -> None:
    url = both(ssl=tls).url.replace("127.0.0.1", "localhost")
    listed = str(protocol != "HTTP/2")
    options = ["--cacert", authority_file, *options]
    assert curl(*options, url) == f"GET https {protocol} {listed} 0"
    body = b"x" * 100_000
    assert curl(*options, "--data-binary", "@-", url, data=body) == f"POST https {protocol} {listed} 100000"


@pytest.mark.parametrize(("http1", "http2"), [(True, True), (True, False), (False, True)])
def test_httpx_over_tls(both: Any, tls: Any, trusting: Any, http1: bool, http2: bool) -> None:
    url = both(ssl=tls).url
    with httpx.Client(http1=http1, http2=http2, verify=trusting, trust_env=False, timeout=PATIENCE) as client:
        for _ in range(2):
            answer = client.get(url)
            protocol = "HTTP/2" if http2 else "HTTP/1.1"
            assert (answer.http_version, answer.text.split()[2]) == (protocol, protocol)


@pytest.mark.parametrize(("http1", "protocol"), [(True, "HTTP/1.1"), (False, "HTTP/2")])
def test_httpx_in_cleartext(both: Any, http1: bool, protocol: str) -> None:
    with httpx.Client(http1=http1, http2=not http1, trust_env=False, timeout=PATIENCE) as client:
        assert client.get(both().url).http_version == protocol


def test_the_preferred_protocol_is_that_of_the_first(
    serve: Any, backend: str, tls: Any, trusting: Any
) -> None:
    trusting.set_alpn_protocols(["http/1.1", "h2"])
    for backends, agreed in ((["h2", backend], "h2"), ([backend, "h2"], "http/1.1")):
        with serve(app, backend=backends, ssl=tls).connect(context=trusting) as client:
            assert client.socket.selected_alpn_protocol() == agreed


def test_a_request_that_begins_as_the_preface_does(both: Any, caplog: pytest.LogCaptureFixture) -> None:
    """PRI is no method that is served; its version is that of HTTP/1."""
    with both().connect() as client:
        assert client.request(b"PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n").status in (400, 501)
    with both().connect() as client:
        assert client.request(message("PATCH", "/", body=b"abc")).body == b"PATCH http HTTP/1.1 True 3"
    assert error_records(caplog) == []


@pytest.mark.parametrize("names", [["h2", "httptools"], ["reference", "h2"]])
def test_a_live_client_asks_by_http_1(names: list[str]) -> None:
    site = Kyoukai("site")

    @site.route("/")
    async def index(ctx: Any) -> Response:
        return Response(ctx.environ["SERVER_PROTOCOL"])

    with BlockingClient(site, names) as client:
        assert client.get("/").text == "HTTP/1.1"


# The command


@pytest.fixture
def tls_options(tls: Any) -> list[str]:
    return ["--ssl-certfile", tls["certificate"], "--ssl-keyfile", tls["key"], "--port", "0"]


@pytest.fixture
def folder(tmp_path: Any) -> Any:
    write_application(tmp_path)
    return tmp_path


@pytest.mark.parametrize("more", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_hint_that_http_2_is_available_is_logged_once(folder: Any, tls_options: Any, more: list[str]) -> None:
    with kyoukai_run("served:app", *tls_options, *more, folder=folder) as process:
        process.wait_for("clients can use HTTP/2 over TLS with")
        if more:
            process.wait_for("worker 2 .* is ready")
        process.send(signal.SIGTERM)
        process.finish()
    [line] = [line for line in process.stderr.splitlines() if HINT in line]
    assert " INFO kyoukai.server: " in line


@pytest.mark.parametrize(
    ("options", "is_secure"),
    [(["--backend", "h2", "--backend", "httptools"], True), (["--ssl-alpn", "http/1.1"], True), ([], False)],
    ids=["it is named", "what is offered is said", "cleartext"],
)
def test_no_hint_about_http_2_elsewhere(folder: Any, tls_options: Any, options: Any, is_secure: bool) -> None:
    options = [*options, *(tls_options if is_secure else ["--port", "0"])]
    with kyoukai_run("served:app", *options, folder=folder) as process:
        assert process.url
        process.send(signal.SIGTERM)
        process.finish()
    assert "h2 is installed" not in process.stderr


def test_the_library_is_not_imported_to_say_so(folder: Any, tls: Any) -> None:
    script = (
        "import sys, json\n"
        "from kyoukai.asphalt import KyoukaiComponent\n"
        "import served\n"
        f"component = KyoukaiComponent(served.app, ssl={tls!r})\n"
        "import asyncio\n"
        "print(component._facts(asyncio.new_event_loop())['hint'])\n"
        "print(json.dumps(sorted({'h2', 'hpack', 'kyoukai.backends.h2_'} & set(sys.modules))))\n"
    )
    (folder / "script.py").write_text(script)
    with python("script.py", folder=folder) as process:
        assert process.finish() == 0
    hint, modules = process.stdout.splitlines()
    assert hint.endswith(HINT)
    assert json.loads(modules) == []


def test_a_list_in_the_environment(folder: Any) -> None:
    environ = {"KYOUKAI_BACKEND": "h2,httptools", "KYOUKAI_BACKEND_OPTIONS": "h2.max_concurrent_streams=7"}
    with kyoukai_run("served:app", "--port", "0", folder=folder, environ=environ) as process:
        process.wait_for(r"\(backends h2, httptools, loop uvloop\)")
        for options in ([], ["--http2-prior-knowledge"]):
            assert curl(*options, f"{process.url}/a") == "answer to /a"
        process.send(signal.SIGTERM)
        process.finish()
