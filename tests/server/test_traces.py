"""Traces by OpenTelemetry, over a real socket: spans, their parents, and what they say."""

import asyncio
import importlib.metadata
import json
import logging
import os
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kyoukai import send_answer
from kyoukai.core.errors import ConfigurationError
from kyoukai.server import traces as traces_module
from kyoukai.server.log_files import RequestFilter
from kyoukai.server.traces import Traces
from kyoukai.web import Kyoukai

from ..serving import message

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"

exporter = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def provider():
    """A process has one provider, which the first who sets it sets for good."""
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    assert trace.get_tracer_provider() is provider
    yield
    provider.shutdown()


@pytest.fixture(autouse=True)
def spans():
    exporter.clear()
    return exporter.get_finished_spans


def shop():
    app = Kyoukai("shop")
    tracer = trace.get_tracer("shop")

    @app.route("/guests/<int:number>")
    async def guest(ctx, number):
        with tracer.start_as_current_span("ask the database"):
            await asyncio.sleep(0)
        return "hello"

    @app.route("/thread")
    def thread(ctx):
        with tracer.start_as_current_span("in a thread"):
            return f"{trace.get_current_span().get_span_context().trace_id:032x}"

    @app.route("/fail")
    async def fail(ctx):
        raise ValueError("no guests")

    return app


def one(server, spans):
    server.wait_until_empty()
    (span,) = [span for span in spans() if span.kind is trace.SpanKind.SERVER]
    return span


def test_a_span_is_named_by_its_route_and_below_the_clients(serve, spans):
    server = serve(shop(), traces=True)
    fields = (f"traceparent: {PARENT}", "tracestate: shop=1", "User-Agent: curl/8")
    assert server.request(message("GET", "/guests/7?page=2", *fields)).status == 200
    span = one(server, spans)
    assert span.name == "GET /guests/<int:number>"
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.context.trace_state.get("shop") == "1"
    port = span.attributes["network.peer.port"]
    assert port > 0
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "url.path": "/guests/7",
        "url.query": "page=2",
        "url.scheme": "http",
        "network.protocol.version": "1.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": port,
        "client.address": "127.0.0.1",
        "server.address": "localhost",
        "user_agent.original": "curl/8",
        "http.route": "/guests/<int:number>",
        "http.response.status_code": 200,
    }
    assert span.status.status_code is trace.StatusCode.UNSET
    (inner,) = [span for span in spans() if span.name == "ask the database"]
    assert inner.parent.span_id == span.context.span_id


def test_each_request_of_a_connection_has_a_trace_of_its_own(serve, spans):
    server = serve(shop(), traces=True)
    with server.connect() as client:
        for _ in range(3):
            client.request(message("GET", "/guests/1"))
    server.wait_until_empty()
    requests = [span for span in spans() if span.kind is trace.SpanKind.SERVER]
    assert len({span.context.trace_id for span in requests}) == len(requests) == 3


def test_the_span_is_current_in_threads(serve, spans):
    server = serve(shop(), traces=True)
    assert server.request(message("GET", "/thread", f"traceparent: {PARENT}")).body.decode() == TRACE
    span = one(server, spans)
    (inner,) = [span for span in spans() if span.name == "in a thread"]
    assert inner.parent.span_id == span.context.span_id


def test_errors_are_recorded(serve, spans):
    server = serve(shop(), traces=True)
    assert server.request(message("GET", "/fail")).status == 500
    span = one(server, spans)
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes["error.type"] == "500"
    (event,) = span.events
    assert event.attributes["exception.type"] == "ValueError"
    assert event.attributes["exception.message"] == "no guests"


class Lower:
    """An application of the lower form."""

    async def process_exchange(self, exchange, parent_context):
        if exchange.head.path == "/fail":
            raise ValueError("no guests")
        await send_answer(exchange, "200 OK", (), b"hello")


def test_an_application_of_the_lower_form(serve, spans):
    server = serve(Lower(), traces=True)
    assert server.request(message("GET", "/a")).status == 200
    span = one(server, spans)
    assert (span.name, span.attributes["http.response.status_code"]) == ("GET", 200)
    exporter.clear()
    assert server.request(message("GET", "/fail")).status == 500
    span = one(server, spans)
    assert [event.attributes["exception.type"] for event in span.events] == ["ValueError"]


@pytest.mark.parametrize(
    ("data", "name", "method", "status"),
    [
        (message("GET", "/none"), "GET", "GET", 404),
        (b"GET /a HTTP/1.1\r\n\r\n", "GET", "GET", 400),
        (message("BREW", "/pot"), "HTTP", "_OTHER", 501),
        (message("POST", "/guests/1", body=bytes(11)), "POST", "POST", 405),
    ],
)
def test_unrouted_and_refused_requests(serve, spans, data, name, method, status):
    server = serve(shop(), traces=True, limits={"max_body_size": 10})
    assert server.request(data).status == status
    span = one(server, spans)
    assert span.name.split()[0] == name
    assert span.attributes["http.request.method"] == method
    assert span.attributes["http.response.status_code"] == status
    assert 0 <= span.end_time - span.start_time < 10**11


@pytest.mark.parametrize("parent", ["", "00-zz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "x" * 3000])
def test_invalid_parent_begins_a_new_trace(serve, spans, parent):
    server = serve(shop(), traces=True)
    assert server.request(message("GET", "/guests/1", f"traceparent: {parent}")).status == 200
    assert one(server, spans).parent is None


def test_the_id_of_the_trace_is_in_logs(serve, spans, caplog):
    caplog.set_level(logging.INFO)
    caplog.handler.addFilter(RequestFilter())
    server = serve(shop(), traces=True, access_log_format="json")
    server.request(message("GET", "/fail", f"traceparent: {PARENT}"))
    server.wait_until_empty()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "kyoukai.access"]
    assert json.loads(line)["trace_id"] == TRACE
    (error,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert error.trace_id == TRACE
    assert f"(request id {error.request_id})" in error.getMessage()


def test_a_client_that_goes_before_its_answer(serve, spans):
    app = Kyoukai("shop")
    begun, gone = asyncio.Event(), asyncio.Event()

    @app.route("/")
    async def wait(ctx):
        begun.set()
        await ctx.wait_client_ended()
        gone.set()
        return "late"

    server = serve(app, traces=True)
    with server.connect() as client:
        client.send(message())
        server.wait_until(begun.is_set)
    server.wait_until(gone.is_set)
    server.wait_until(lambda: spans())
    assert one(server, spans).name == "GET /"


def test_without_traces_nothing_is_imported() -> None:
    program = (
        "import sys; from kyoukai import Kyoukai, KyoukaiComponent; KyoukaiComponent(Kyoukai('a'));"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_opentelemetry_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'kyoukai\[otel\]'"):
        Traces()


@pytest.fixture
def unset(monkeypatch):
    """Nobody has set a provider; what sets one does not set it for this process."""
    made = []
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: trace.ProxyTracerProvider())
    monkeypatch.setattr(trace, "set_tracer_provider", made.append)
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    yield made
    for provider in made:
        provider.shutdown()


def test_without_a_provider_the_sdk_sets_one_up_by_its_variables():
    program = (
        "from kyoukai.server.traces import Traces\n"
        "with Traces().tracer.start_as_current_span('shown'):\n"
        "    pass\n"
    )
    variables = {"OTEL_TRACES_EXPORTER": "console,none", "OTEL_SERVICE_NAME": "shop"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | variables, capture_output=True, check=True
    )
    shown = json.loads(done.stdout)
    assert (shown["name"], shown["resource"]["attributes"]["service.name"]) == ("shown", "shop")


def test_spans_are_sent_by_otlp_unless_a_variable_differs(monkeypatch, unset):
    asked = []

    def points(**wanted):
        asked.append(wanted.get("name"))
        return importlib.metadata.EntryPoints()

    monkeypatch.setattr(traces_module, "entry_points", points)
    with pytest.raises(ConfigurationError, match="'otlp_proto_http', which is not installed"):
        Traces()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(ConfigurationError, match="'otlp_proto_grpc', which is not installed"):
        Traces()
    assert asked == ["otlp_proto_http", None, "otlp_proto_grpc", None]


def test_without_the_sdk_the_error_says_what_to_install(monkeypatch, unset):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match="SDK of OpenTelemetry is not installed"):
        Traces()
