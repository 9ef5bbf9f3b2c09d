"""The features that a backend can claim."""

import enum
from typing import Final


class Feature(enum.StrEnum):
    """A feature that a backend claims in :attr:`Backend.features`. Members are plain strings.

    :ivar meaning: what a backend with the feature promises, in words.
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
        "Requests sent before earlier ones are answered; answers in order (RFC 9112 section 9.3.2).",
    )
    CHUNKED = "chunked", "Bodies by the chunked transfer coding, both ways (RFC 9112 section 7.1)."
    TRAILERS = (
        "trailers",
        "Trailer fields of requests, kept apart from the header fields (RFC 9110 section 6.5).",
    )
    EXPECT_CONTINUE = (
        "expect-continue",
        "100 Continue before a body that waits for it (RFC 9110 section 10.1.1).",
    )
    REPLACE = (
        "replace",
        "The connection can be handed to another protocol: how an upgrade leaves HTTP/1.",
    )
    GRACEFUL_SHUTDOWN = "graceful-shutdown", "Requests under way are answered before the server stops."
    EARLY_HINTS = (
        "early-hints",
        "103 Early Hints before an answer, to clients of HTTP/1.1 (RFC 8297).",
    )
    RESPONSE_TRAILERS = (
        "response-trailers",
        "Trailer fields behind chunked answers, to clients that take them (RFC 9110 section 6.5).",
    )
    TUNNEL = (
        "tunnel",
        "An answer that goes on with another protocol, as WebSockets need it (RFC 9110 section 7.8).",
    )


HTTP1_FEATURES: Final[frozenset[str]] = frozenset(Feature)
"""The features of every backend whose connection derives from ``HTTPProtocol``."""
