"""What a wire writes: the half of an exchange that its author has to give it.

All is called in the event loop, in this order::

    send_informational*  send_head  send_data*  send_end  answered

``reset`` takes the place of what is left before ``answered``. Once the client is gone nothing is called any
more. Where a tunnel is opened, ``send_tunnel_head`` takes the place of ``send_head``.
"""

import abc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..semantics.answer_head import AnswerHead
from ..semantics.request_head import RequestHead
from .client_state import ClientState

if TYPE_CHECKING:
    from ..serving.server_state import Server

NO_HEAD = RequestHead()


class AnswerWriter(abc.ABC):
    """Writes one answer. No abstract method waits, and none should raise.

    :param server: the state of the server.
    :param client: whether the client is there, and keeps up.
    """

    __slots__ = ("client", "head", "sent", "server", "status")

    def __init__(self, server: "Server", client: ClientState) -> None:
        self.server = server
        """The state of the server: limits, clock, Date."""
        self.client = client
        """Whether the client is there, and keeps up."""
        self.head = NO_HEAD
        """What was asked; of a head that was refused, what is known of it."""
        self.status = 0
        """The status of the answer; 0 until its head was written."""
        self.sent = 0
        """Bytes of the answer's content written."""

    # What the wire writes

    @abc.abstractmethod
    def send_head(self, head: AnswerHead) -> None:
        """Write the head of the answer. It is called once, before any content.

        :param head: its status is written, and all fields of :meth:`answer_fields`, which adds
            Content-Length, Date and Server. Where ``has_content`` is true and ``size`` is ``None``, the wire
            says by itself where the content ends.
        """

    @abc.abstractmethod
    def send_data(self, data: bytes) -> None:
        """Write a piece of the content. It is not called where the head has ``has_content`` false.

        :param data: not empty.
        """

    def send_pieces(self, pieces: Sequence[bytes], size: int) -> None:
        """Write pieces of the content that are there at once. By default they are one, for :meth:`send_data`.

        A wire that puts something around content overrides it, so that what is large is copied once.

        :param pieces: one at least; none is empty.
        :param size: bytes of all of them.
        """
        self.send_data(b"".join(pieces))

    @abc.abstractmethod
    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        """End the answer, so that the client knows that it is whole. It is called once, without content too.

        :param data: the last piece of its content, to be written first; it may be empty.
        :param trailers: names and values that follow the content, checked: they can be sent. A wire without
            the feature ``response-trailers`` gets none.
        """

    @abc.abstractmethod
    def reset(self) -> None:
        """Break the answer off, so that the client takes it for a failure, and waits for no more of it.

        It may be called before :meth:`send_head`. :meth:`answered` follows, unless the client is gone by
        then.
        """

    @abc.abstractmethod
    def pause_client(self) -> None:
        """Have the client send no more of the body for now: more than 64 KiB of it lie unread.

        It is called again for each piece that comes all the same.
        """

    @abc.abstractmethod
    def resume_client(self) -> None:
        """Let the client go on that :meth:`pause_client` made wait."""

    @abc.abstractmethod
    def answered(self) -> None:
        """Go on after the answer: to the next request, or to the end of the connection.

        It is called once, last of all: the answer is written or reset, logged, and its resources are closed.
        The request may not have come whole: see :attr:`Exchange.is_whole`. What still comes of it is dropped.
        """

    def send_informational(self, status: str, fields: Sequence[tuple[str, str]]) -> bool:
        """Write a head of status 1xx before that of the answer (RFC 9110 section 15.2).

        It is called before :meth:`send_head` alone, and any number of times. A wire that overrides it claims
        the feature ``early-hints``.

        :param status: code and reason, ``"103 Early Hints"``.
        :param fields: names and values, checked: they can be sent.
        :return: whether it was written. A wire that has none leaves it as it is here.
        """
        return False

    async def send_file(self, file: Any, size: int, offset: int) -> bool:
        """Send content from a file by the kernel, where the wire can.

        It is called after :meth:`send_head`, and :meth:`send_end` follows.

        :param file: binary and open. Where it stands is neither asked nor changed: others may send it, too.
        :param size: bytes to be sent. Those that are, are added to :attr:`sent` here; fewer are, where the
            file ends before.
        :param offset: byte of the file that is the first.
        :return: whether the file was sent; if not, nothing was, and the content is sent by :meth:`send_data`.
        :raises ConnectionResetError: if the client is gone.
        """
        return False

    def send_tunnel_head(self, protocol: str, fields: Sequence[tuple[str, str]]) -> int:
        """Write the head that opens a tunnel, in the place of :meth:`send_head`.

        HTTP/1.1 does so by 101 (RFC 9110 section 7.8), HTTP/2 by extended CONNECT (RFC 8441). It is called
        once, for a request that offers the protocol and is whole. What the tunnel carries follows: see
        :meth:`Exchange.open_tunnel`. A wire that overrides it claims the feature ``tunnel``.

        :param protocol: the token that the client has offered, ``"websocket"``.
        :param fields: names and values, checked: they can be sent. What is opened, the wire says besides.
        :return: the status that was written.
        :raises NotImplementedError: if the wire has no tunnels, and claims that it has.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not define send_tunnel_head")

    # What it is sent with

    whole_size = 64 * 1024
    """Bytes of content in memory that are written at once; what is larger goes in pieces, as the client
    takes them. asyncio's high-water mark."""

    def prepare_stream(self, may_read: bool) -> None:
        """Prepare for content that is made as it is sent. It is called before :meth:`send_head`.

        :param may_read: whether it may be made of the request's body, which the client has yet to send.
        """
        return

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        """Write an answer whole: its content is in memory, and of no more than :attr:`whole_size` bytes.

        It is called in place of :meth:`send_head` and :meth:`send_end`. One that overrides it does what both
        owe.

        :param content: empty where ``head`` has none.
        """
        self.send_head(head)
        self.send_end(content)

    @property
    def client_gone(self) -> bool:
        """Whether nothing that is written reaches the client any more."""
        return self.client.is_gone

    async def drain(self) -> bool:
        """Wait until the client has caught up with what is written.

        :return: whether there was anything to wait for, so that the loop has had its turn.
        :raises ConnectionResetError: if it is gone.
        """
        return await self.client.wait_room()

    def answer_fields(self, head: AnswerHead) -> list[tuple[str, str]]:
        """Return all fields of an answer: those of ``head``, Content-Length, and what the server says."""
        fields, server = list(head.fields), self.server
        if head.size is not None:
            fields.append(("Content-Length", str(head.size)))
        if server.date and not head.has_date:
            fields.append(("Date", server.date))
        if server.server_field and not head.has_server:
            fields.append(("Server", server.server_field))
        return fields
