"""Adapters: how the kit sends requests in a wire format that it does not know.

The author of a backend for such a wire format writes a small :class:`WireAdapter` and names it in
:attr:`Backend.testing_adapter <kyoukai.Backend.testing_adapter>`. Only the kit imports it. For connections
that derive from ``HTTPProtocol``, the kit has its own adapter.
"""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from .chunking import Action
from .telling import WireRequest

__all__ = ("UnsayableError", "WireAdapter", "WireAnswer", "WireDifference")

Fields = Sequence[tuple[str, str]]


class UnsayableError(Exception):
    """The wire format cannot express some part of a request; the message says which."""


class WireDifference(NamedTuple):
    """Requests that get another answer in this wire format than in HTTP/1.1.

    The kit verifies the declaration: each such request gets the declared answer, and the corpus has at least
    one. If several differences match a request, the first one counts.
    """

    what: str
    """A short description of the requests."""
    holds: Callable[[WireRequest], bool]
    """Returns whether a request is one of them."""
    gets: str
    """What they get: a three-digit status; ``reset`` if only the request is reset; ``nothing`` if the
    connection ends without an answer."""
    why: str
    """The RFC section or other reason."""


def breaks_its_body_off(request: WireRequest) -> bool:
    """Return whether the client ends its side in the middle of a body."""
    return request.ending is Action.END and not request.is_whole


BROKEN_OFF: Final = WireDifference(
    "a client that ends its side in the middle of a body",
    breaks_its_body_off,
    "400",
    "the application can be told, and the client can still read",
)
"""A difference between ``ExchangeConnection`` and connections of HTTP/1."""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer, as far as the client has received it."""

    status: int
    fields: Fields
    """Names and values of the header fields, in order."""
    content: bytes
    """The content without framing; of an incomplete answer, the part received so far."""
    is_whole: bool
    """Whether the client knows that nothing is missing: by a size, an end mark, or the connection's end."""
    trailers: Fields = ()
    """The fields after the content."""
    interim: Sequence[tuple[int, Fields]] = ()
    """Status and fields of each 1xx answer before this one."""
    is_broken: bool = False
    """Whether the server has signalled that it aborts the answer. The kit itself detects an abort that is
    signalled by the end of the connection."""
    rest: bytes = b""
    """Bytes that the server sent after the answer; there should be none."""

    def values(self, name: str) -> list[str]:
        """Return the values of the fields with a name, in order."""
        return [value for found, value in self.fields if found.lower() == name.lower()]


class WireAdapter(abc.ABC):
    """The client's side of one connection.

    The kit creates one adapter for each connection, without arguments, and sends one request with it: the
    head, the body in pieces, and the end. The adapter may keep state between calls.
    """

    differences: ClassVar[Sequence[WireDifference]] = (BROKEN_OFF,)
    """Where this wire format differs from the corpus, which is written for HTTP/1.1. The default is the
    difference of ``ExchangeConnection``; an adapter with more adds them to it."""

    @abc.abstractmethod
    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        """Encode the head of a request, preceded by whatever opens the connection.

        The rules send only valid requests: method and target are ASCII, the target is a path with an optional
        query, and ``Host`` is the first field. The cases of the corpus also send invalid requests, which must
        be passed on unchanged: any method and target, no ``Host`` or several, and names and values in which
        each character stands for one byte (latin-1).

        :param method: the method.
        :param target: the request target.
        :param fields: names and values of the header fields; none of them gives the size.
        :param size: bytes of the body. 0: there is no body, and :meth:`encode_end` is not called. ``None``:
            unknown until the body ends; only sent to a backend that claims the feature ``trailers``.
        :raises UnsayableError: if the wire format cannot express the request.
        """

    def encode_data(self, data: bytes) -> bytes:
        """Encode a piece of the body, or of the data in a tunnel.

        By default the data is returned unchanged.

        :param data: not empty.
        """
        return data

    def encode_end(self, trailers: Fields = ()) -> bytes:
        """Encode the end of the body. By default nothing is sent: the size was announced.

        In a tunnel, encode that the client sends nothing more. If the result is empty, the kit ends the
        client's side of the connection instead.

        :param trailers: fields after the body; empty if ``size`` was given.
        """
        return b""

    @abc.abstractmethod
    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return the answer as far as it was received, or ``None`` while its head is incomplete.

        :param data: everything that the server has sent on the connection, from the first byte.
        :param ended: whether the server has ended its side cleanly; after a reset, it has not.
        :raises Exception: if the data is invalid in this wire format. The rule being checked is then broken.
        """

    def encode_tunnel(self, protocol: str, target: str, fields: Fields) -> bytes:
        """Encode a request that offers another protocol, preceded by whatever opens the connection.

        The tunnel's data follows, encoded by :meth:`encode_data` and :meth:`encode_end`. Only a backend that
        claims the feature ``tunnel`` gets such a request.

        :param protocol: a token, in ASCII.
        :param target: as for :meth:`encode_head`; so are ``fields``.
        :raises NotImplementedError: by default; the rules about tunnels are then reported as not checked.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not define encode_tunnel")

    def decode_tunnel(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return the answer to such a request: the tunnel's head, with the tunnel's data as content.

        The answer is whole once the server has ended its side cleanly. If the server refuses the tunnel,
        return its ordinary answer. Parameters and exceptions are those of :meth:`decode_answer`, which is
        the default: in many wire formats a tunnel looks like an answer.
        """
        return self.decode_answer(data, ended)

    def reply(self, data: bytes) -> bytes:
        """Return what a client sends automatically on receiving ``data``, such as acknowledgements or credit.

        By default nothing. The kit calls this once for each piece that the server sends.
        """
        return b""

    def room(self) -> int | None:
        """Return how many bytes of the body the client may send now.

        For wire formats in which the server grants credit, such as HTTP/2. ``None``, the default: no limit.
        """
        return None
