"""Traces by OpenTelemetry: a span for each request, the parent of the application's own spans.

The configured propagators read ``traceparent`` and ``tracestate`` of the request, by default as W3C Trace
Context. The span is current where the request is handled, also in threads. Its name and attributes follow the
stable part of the semantic conventions for HTTP server spans,
https://opentelemetry.io/docs/specs/semconv/http/http-spans/.

The extra ``otel`` is required. If the application has set a tracer provider, it is used; otherwise the SDK
creates one from the ``OTEL_*`` variables.
"""

import os
import time
from importlib.metadata import entry_points, version
from time import perf_counter
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.access import answered_refusal, client_address
from kyoukai.core.exchange.exchange import Answerer, Exchange
from kyoukai.core.exchange.witness import witness
from kyoukai.core.semantics.methods import METHODS
from kyoukai.core.serving.observing import route_of, told
from kyoukai.core.serving.server_state import Server

EXPORTERS: Final = "opentelemetry_traces_exporter"
"""The group of entry points that exporters are found by."""

OTHER: Final = f"_{'OTHER'}"
"""The conventions' name for an unregistered method."""


class Traces:
    """Traces the responses of a server.

    :raises ConfigurationError: if OpenTelemetry is not installed.
    """

    def __init__(self) -> None:
        try:
            from opentelemetry import context, propagate, trace
        except ImportError as exc:
            raise ConfigurationError(
                "traces is true, but OpenTelemetry is not installed; pip install 'kyoukai[otel]'"
            ) from exc
        self.trace: Any = trace
        self.context: Any = context
        self.propagate: Any = propagate
        set_up(trace)
        self.tracer: Any = trace.get_tracer("kyoukai", version("kyoukai"))
        self.spans: dict[Exchange, Any] = {}
        """The spans of the requests in progress."""

    def watch(self, server: Server) -> None:
        """Begin to trace a server's responses. Call this before the first connection."""
        server.around = self.wrap
        server.observe = told([*([] if server.observe is None else [server.observe]), self])

    def wrap(self, answerer: Answerer) -> Answerer:
        """Wrap an answerer so that it answers within a span."""
        return TracingAnswerer(self, answerer)

    def begin(self, exchange: Exchange, began: float | None = None) -> Any:
        """Begin the span of a request, and return it.

        :param began: when the request began, if earlier than now, by :func:`time.perf_counter`.
        """
        head = exchange.head
        carrier = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.fields}
        parent = self.propagate.extract(carrier)
        start = None if began is None else time.time_ns() - round(1e9 * (perf_counter() - began))
        return self.tracer.start_span(
            method_of(exchange),
            context=parent,
            kind=self.trace.SpanKind.SERVER,
            attributes=request_attributes(exchange, carrier),
            start_time=start,
        )

    def __call__(self, exchange: Exchange, request: Any, response: Any) -> None:
        """Record the response in the request's span, and end the span."""
        span = self.spans.pop(exchange, None)
        if span is None:
            # The server refused the request before any answerer was called.
            span = self.begin(exchange, exchange.began)
        self.end(span, exchange, request)

    def end(self, span: Any, exchange: Exchange, request: Any = None) -> None:
        """End the span of a request."""
        route = route_of(request)
        if route is not None:
            span.update_name(f"{method_of(exchange)} {route}")
            span.set_attribute("http.route", route)
        address = client_address(request, exchange.client_environ if request is None else exchange.environ)
        if address is not None:
            span.set_attribute("client.address", address)
        refusal = answered_refusal(exchange)
        if refusal:
            span.set_attribute("kyoukai.refusal", refusal)
        status = exchange.status
        if status:
            span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(self.trace.StatusCode.ERROR)
        span.end()


class TracingAnswerer:
    """Answers exchanges within spans.

    :param answerer: answers the exchanges. Its other attributes are available here too.
    """

    def __init__(self, traces: Traces, answerer: Answerer) -> None:
        self._traces = traces
        self._answerer = answerer
        self.is_told = answerer.is_told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answerer, name)

    async def answer(self, exchange: Exchange, shared: dict[str, Any]) -> None:
        """Answer one exchange."""
        traces = self._traces
        span = traces.spans[exchange] = traces.begin(exchange)
        # The context variables belong to this request alone, so the span need not be detached.
        traces.context.attach(traces.trace.set_span_in_context(span))
        tell = witness.get()

        def record(error: BaseException, environ: dict[str, Any]) -> None:
            span.record_exception(error)
            if tell is not None:
                tell(error, environ)

        witness.set(record)
        try:
            await self._answerer.answer(exchange, shared)
        finally:
            if traces.spans.pop(exchange, None) is not None:
                # No response was observed: the client disconnected before there was one.
                traces.end(span, exchange)


def set_up(trace: Any) -> None:
    """Set up OpenTelemetry from its variables, unless the application has set it up.

    :raises ConfigurationError: if the SDK, or an exporter named by a variable, is not installed.
    """
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    try:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as exc:
        raise ConfigurationError(
            "traces is true, but the SDK of OpenTelemetry is not installed; pip install 'kyoukai[otel]'"
        ) from exc
    # These classes read the other variables: of resources, samplers, batches, and each exporter's own.
    provider = TracerProvider()
    for name in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").split(","):
        if name.strip() not in ("", "none"):
            provider.add_span_processor(BatchSpanProcessor(make_exporter(name.strip())))
    trace.set_tracer_provider(provider)


def make_exporter(name: str) -> Any:
    """Return an exporter of spans.

    :param name: a name from the variable ``OTEL_TRACES_EXPORTER``.
    :raises ConfigurationError: if it is not installed.
    """
    if name == "otlp":
        general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)
        name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    found = [*entry_points(group=EXPORTERS, name=name)]
    if not found:
        known = ", ".join(sorted(entry_points(group=EXPORTERS).names))
        raise ConfigurationError(
            f"OTEL_TRACES_EXPORTER asks for {name!r}, which is not installed; installed: {known}"
        )
    return found[0].load()()


def method_of(exchange: Exchange) -> str:
    """Return a span's name before the route is known: the method, or ``HTTP``."""
    method = exchange.head.method
    return method if method in METHODS else "HTTP"


def request_attributes(exchange: Exchange, carrier: dict[str, str]) -> dict[str, Any]:
    """Return the attributes that are known when the handling of a request begins.

    :param carrier: its fields, by name in lower case.
    """
    head, environ = exchange.head, exchange.environ
    path, _, query = head.target.decode("latin-1").partition("?")
    values: dict[str, Any] = {
        "http.request.method": head.method if head.method in METHODS else OTHER,
        "url.path": path,
        "url.scheme": exchange.client_environ.get("wsgi.url_scheme", "http"),
        "network.protocol.version": head.version,
    }
    if head.method not in METHODS and head.method:
        values["http.request.method_original"] = head.method
    optional = {
        "url.query": query,
        "user_agent.original": carrier.get("user-agent"),
        "network.peer.address": environ.get("REMOTE_ADDR"),
        "network.peer.port": int(environ["REMOTE_PORT"]) if "REMOTE_PORT" in environ else None,
        "server.address": carrier.get("host", "").rpartition(":")[0] or carrier.get("host"),
    }
    return values | {name: value for name, value in optional.items() if value}
