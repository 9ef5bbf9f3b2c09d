"""The contract's lower storey: what the registry loads, one object a server.

A package offers a backend by naming a subclass of :class:`Backend` in the entry-point group
``kyoukai.backends``. Whoever speaks HTTP/1 derives the connection from
:class:`kyoukai.core.protocol.HTTPProtocol`, the upper storey; whoever speaks something else
implements :class:`Backend` and nothing more.
"""

import abc
import asyncio
import enum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from .errors import BackendOptionError

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import Component

API_VERSION: Final = 1
"""The version of the contract that this release speaks.

It rises when a backend that kept the contract would no longer keep it. New methods come with
defaults, and do not raise it.
"""


class Feature(enum.StrEnum):
    """What a backend can do, as :attr:`Backend.features` names it. Members are plain strings.

    :ivar meaning: what a backend promises that has it, in words.
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


HTTP1_FEATURES: Final[frozenset[str]] = frozenset(Feature)
"""What every backend has whose connection derives from ``HTTPProtocol``."""


class Backend(abc.ABC):
    """One way of speaking to clients. Made once a server, before its socket is opened.

    :param options: what the user set as ``backend_options``. A subclass takes its own as
        keyword-only parameters and hands the rest on with ``super().__init__(**options)``.
    :raises BackendOptionError: if an option is unknown, or its value is no good; the message
        names it.
    """

    api_version: ClassVar[int]
    """The :data:`API_VERSION` that the class was written for: a literal, never the constant.

    The constant would claim every later version of the contract too, unread.
    """

    features: frozenset[str] = frozenset()
    """What it can do: members of :class:`Feature`. One whose options say so sets it in its constructor."""

    alpn_protocols: tuple[str, ...] = ("http/1.1",)
    """The protocol names to offer in TLS (RFC 7301), the preferred first."""

    def __init__(self, **options: Any) -> None:
        if options:
            unknown = ", ".join(repr(name) for name in sorted(options))
            raise BackendOptionError(f"{type(self).__qualname__} does not know the backend option {unknown}")

    @abc.abstractmethod
    def create_protocol(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> asyncio.Protocol:
        """Return the protocol object of one new connection.

        It is called by the event loop for every connection accepted, so it must be quick and
        must not raise. Nothing that belongs to one connection may be kept on the backend.

        :param component: gives ``app`` and ``server`` (see :class:`Component`).
        :param parent_context: the Asphalt context that each request's context derives from.
        :param server_ip: the address listened on; the path of a Unix socket.
        :param server_port: the port listened on; 0 for a Unix socket.
        """


def claimed_features(backend: Backend | type[Backend]) -> frozenset[str]:
    """Return what a backend claims; nothing where that is no collection, which breaks a rule of the kit."""
    try:
        return frozenset(backend.features)
    except TypeError:
        return frozenset()
