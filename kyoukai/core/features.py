"""The features that a backend can claim."""

import enum
from typing import Final


class Feature(enum.StrEnum):
    """A feature that a backend claims in :attr:`Backend.features`. Members are strings.

    :ivar meaning: what a backend with the feature promises, as a sentence.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> "Feature":  # noqa: D102 - as str
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    KEEP_ALIVE = (
        "keep-alive",
        "Several requests on one connection, one after the other (RFC 9112 section 9.3).",
    )
    PIPELINING = (
        "pipelining",
        "A client may send requests before it has the earlier answers. Answers keep the order"
        " (RFC 9112 section 9.3.2).",
    )
    CHUNKED = "chunked", "Chunked bodies of requests and of answers (RFC 9112 section 7.1)."
    TRAILERS = (
        "trailers",
        "Trailer fields of requests, kept separate from the header fields (RFC 9110 section 6.5).",
    )
    EXPECT_CONTINUE = (
        "expect-continue",
        "100 Continue, for clients that wait for it before they send a body (RFC 9110 section 10.1.1).",
    )
    REPLACE = (
        "replace",
        "The connection can be handed over to another protocol, for example in an upgrade from HTTP/1.",
    )
    GRACEFUL_SHUTDOWN = "graceful-shutdown", "Requests under way are answered before the server stops."
    EARLY_HINTS = (
        "early-hints",
        "103 Early Hints before an answer, for clients of HTTP/1.1 or later (RFC 8297).",
    )
    RESPONSE_TRAILERS = (
        "response-trailers",
        "Trailer fields after an answer, for clients that accept them (RFC 9110 section 6.5).",
    )
    TUNNEL = (
        "tunnel",
        "An answer after which the connection or stream speaks another protocol, such as WebSocket"
        " (RFC 9110 section 7.8).",
    )


HTTP1_FEATURES: Final[frozenset[str]] = frozenset(Feature)
"""The features of every backend whose connection class derives from ``HTTPProtocol``."""
