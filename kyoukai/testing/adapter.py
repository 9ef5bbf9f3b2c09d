"""How the kit speaks by a wire that it does not know: what the wire's author tells it, in a few lines.

A backend names its adapter as :attr:`Backend.testing_adapter <kyoukai.Backend.testing_adapter>`, and the kit
alone imports it. For connections that derive from ``HTTPProtocol`` the kit has one of its own.
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
    """The wire has no way to say something of a request. The message says what it is about."""


class WireDifference(NamedTuple):
    """Requests that get another answer on a wire than on HTTP/1.1.

    It is held: each of them gets what it says, and there are some in the corpus. Of several that are about
    one request the first counts.
    """

    what: str
    """Which requests, in a few words."""
    holds: Callable[[WireRequest], bool]
    """Returns whether it is about a request."""
    gets: str
    """What they get: a status in three digits, ``reset`` where the request alone is broken off, or
    ``nothing`` where the connection ends."""
    why: str
    """The text that says so."""


def breaks_its_body_off(request: WireRequest) -> bool:
    """Return whether the client ends its side in the middle of a body."""
    return request.ending is Action.END and not request.is_whole


BROKEN_OFF: Final = WireDifference(
    "a body in whose middle the client ends its side",
    breaks_its_body_off,
    "400",
    "the application can be told, and its client reads on",
)
"""What ``ExchangeConnection`` does, and connections of HTTP/1 do not."""


@dataclass(frozen=True, slots=True)
class WireAnswer:
    """An answer, as far as the client has it."""

    status: int
    fields: Fields
    """Names and values of its header fields, in order."""
    content: bytes
    """With whatever frames it removed; of one that is still to come, the part that there is."""
    is_whole: bool
    """Whether the client knows that nothing is missing: by a size, a mark, or the connection's end."""
    trailers: Fields = ()
    """The fields behind the content."""
    interim: Sequence[tuple[int, Fields]] = ()
    """Status and fields of each answer of status 1xx before it."""
    is_broken: bool = False
    """Whether the server has said that it breaks the answer off. Where the connection's end says it, the kit
    sees that by itself."""
    rest: bytes = b""
    """What the server sent behind the answer, which should be nothing."""

    def values(self, name: str) -> list[str]:
        """Return the values of the fields of a name, in order."""
        return [value for found, value in self.fields if found.lower() == name.lower()]


class WireAdapter(abc.ABC):
    """The client's side of one connection.

    The kit makes one for each connection, without arguments, and sends one request by it: the head, the body
    in pieces, and the end. It may keep what it needs between calls.
    """

    differences: ClassVar[Sequence[WireDifference]] = (BROKEN_OFF,)
    """Where this wire does otherwise than the corpus says, which is written for HTTP/1.1. By default what
    ``ExchangeConnection`` does; an adapter that has more adds to it."""

    @abc.abstractmethod
    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        """Return the head of the request as this wire has it, with what opens the connection before it.

        The rules send nothing but right requests: method and target are in ASCII, the target is a path, with
        a query where there is one, and ``Host`` is the first of the fields. The cases of the corpus send
        wrong ones too, which are to be passed on as they are: any method and target, no ``Host`` or several,
        and names and values in which each character stands for one byte (latin-1).

        :param fields: names and values of the header fields; none is about the size.
        :param size: bytes of the body; 0: there is none, and :meth:`encode_end` is not called. ``None``: its
            end alone tells; only a backend that claims the feature ``trailers`` is sent that.
        :raises UnsayableError: if the wire has no way to say such a request.
        """

    def encode_data(self, data: bytes) -> bytes:
        """Return a piece of the body, or of what goes through a tunnel, as this wire has it.

        By default as it is.

        :param data: not empty.
        """
        return data

    def encode_end(self, trailers: Fields = ()) -> bytes:
        """Return what says that the body is whole. By default nothing does: its size has been told.

        In a tunnel, return what says that the client sends no more. Where that is nothing, the end of the
        connection says it.

        :param trailers: fields behind the body; none, where ``size`` was told.
        """
        return b""

    @abc.abstractmethod
    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return the answer as far as the client has it, or ``None``: its head is not whole yet.

        :param data: all that the server has sent on the connection, from the first byte on.
        :param ended: whether the server has ended its side in order. After a reset it has not.
        :raises Exception: if that is nothing which this wire has. It breaks the rule being checked.
        """

    def encode_tunnel(self, protocol: str, target: str, fields: Fields) -> bytes:
        """Return a request that offers another protocol, with what opens the connection before it.

        What the client sends in the tunnel follows, by :meth:`encode_data` and :meth:`encode_end`. Only a
        backend that claims the feature ``tunnel`` is sent one.

        :param protocol: a token, in ASCII.
        :param target: as that of :meth:`encode_head`; likewise ``fields``.
        :raises NotImplementedError: by default; rules about tunnels then show as not checked.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not define encode_tunnel")

    def decode_tunnel(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return what has come of such a request: the head of the tunnel, and as content what it carries.

        It is whole once the server has ended its side in order. Where the server has answered instead, it is
        that answer. Parameters, and what is raised, are those of :meth:`decode_answer`, which is called by
        default: on many wires a tunnel is carried as an answer is.
        """
        return self.decode_answer(data, ended)

    def reply(self, data: bytes) -> bytes:
        """Return what a client sends by itself when it gets ``data``: acknowledgements, credit, and so on.

        By default nothing. It is called with each piece of what the server sends, once.
        """
        return b""

    def room(self) -> int | None:
        """Return how many bytes of the body the client may send now.

        It is for wires where the server grants that, as HTTP/2 does. ``None``, the default: all of them.
        """
        return None
