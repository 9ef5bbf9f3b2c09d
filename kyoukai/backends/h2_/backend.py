"""The backend of the entry point ``h2``, and its options: limits specific to HTTP/2."""

from typing import Any

from kyoukai import Backend, BackendOptionError, Feature, ServerComponent

from .connection import H2ServerConnection
from .engine import FIRST_WINDOW, H2Limits
from .floods import FloodLimits
from .preface import PREFACE


class H2Backend(Backend):
    """HTTP/2 (RFC 9113) by hyper's h2: over TLS by ALPN, in cleartext by prior knowledge.

    The server's limits of requests apply, as with every backend. The options are limits specific to HTTP/2.
    A client that passes one of the last six gets a GOAWAY with ENHANCE_YOUR_CALM, and the connection ends.

    :param max_concurrent_streams: the number of requests of one connection at a time; further ones are
        refused so that the client may try again. RFC 9113 section 6.5.2 recommends 100 at least; nginx 128,
        Go 250.
    :param stream_window: bytes of a body that a client may send before the application reads them, 65535 at
        least. Of each body, the server holds at most this many unread bytes plus 64 KiB.
        nginx 64 KiB, Go 1 MiB.
    :param connection_window: bytes of all bodies that a client may send before the server has received them,
        65535 at least. Go 1 MiB.
    :param max_resets: how many requests of a connection may be reset, by the client or because of its errors.
        The allowance grows by 33 a second, up to this number. Envoy 500, nghttp2 1000 and 33 a second
        (CVE-2023-44487).
    :param max_pings: how many PING frames a client may send at once. The allowance grows by 100 a second, and
        by one for each DATA frame, up to this number. nghttp2 and Envoy 1000 pings that are not answered yet.
    :param max_settings: how many SETTINGS frames a client may send at once. The allowance grows by 10 a
        second, up to this number. Clients send a few (CVE-2019-9515).
    :param max_empty_frames: how many empty DATA frames a client may send at once, not counting those that end
        a stream. The allowance grows by 10 a second, up to this number. Envoy 1 in a row (CVE-2019-9518).
    :param max_overhead_frames: how many other frames without content a client may send at once: PRIORITY,
        WINDOW_UPDATE, unknown ones. The allowance grows by 100 a second, by 20 for each request, and by 10
        for each DATA frame, up to this number. Envoy 100 and 10. If a head has more than ``max_fields``
        fields, such as cookies of one byte, every 20 of the surplus fields count as one frame.
    :param max_continuations: how many CONTINUATION frames one head may have. nghttp2 8 (CVE-2024-28182).
    """

    api_version = 1
    features = frozenset(
        {
            Feature.TRAILERS,
            Feature.EXPECT_CONTINUE,
            Feature.GRACEFUL_SHUTDOWN,
            Feature.EARLY_HINTS,
            Feature.RESPONSE_TRAILERS,
            Feature.TUNNEL,
        }
    )
    alpn_protocols = ("h2",)
    preface = PREFACE
    testing_adapter = "kyoukai.backends.h2_.testing:H2Adapter"

    def __init__(
        self,
        *,
        max_concurrent_streams: int = 100,
        stream_window: int = 128 * 1024,
        connection_window: int = 1024 * 1024,
        max_resets: int = 500,
        max_pings: int = 1000,
        max_settings: int = 100,
        max_empty_frames: int = 100,
        max_overhead_frames: int = 1000,
        max_continuations: int = 8,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.limits = H2Limits(
            read_number("max_concurrent_streams", max_concurrent_streams, 1),
            read_number("stream_window", stream_window, FIRST_WINDOW),
            read_number("connection_window", connection_window, FIRST_WINDOW),
            FloodLimits(
                read_number("max_resets", max_resets, 1),
                read_number("max_pings", max_pings, 1),
                read_number("max_settings", max_settings, 2),
                read_number("max_empty_frames", max_empty_frames, 1),
                read_number("max_overhead_frames", max_overhead_frames, 1),
                read_number("max_continuations", max_continuations, 0),
            ),
        )

    def create_protocol(
        self, component: ServerComponent, parent_context: Any, server_ip: str, server_port: int
    ) -> H2ServerConnection:
        """Return the protocol object for a new connection."""
        return H2ServerConnection(component, parent_context, server_ip, server_port, self.limits)


def read_number(name: str, value: object, least: int) -> int:
    """Check an option and return its value.

    :raises BackendOptionError: if the value is not a whole number from ``least`` to 2**31 - 1.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 2**31 - 1:
        raise BackendOptionError(f"{name} is {value!r}; it must be a whole number, at least {least}")
    return value
