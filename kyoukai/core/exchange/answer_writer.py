"""The writing half of an exchange, which the author of a wire implements.

All methods are called in the event loop, in this order::

    send_informational*  send_head  send_data*  send_end  answered

``reset`` may replace any calls before ``answered``. After the client is gone, nothing is called. For a
tunnel, ``send_tunnel_head`` replaces ``send_head``.
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
    """Writes one answer. No abstract method may wait, and none should raise.

    :param server: the state of the server.
    :param client: the state of the client.
    """

    __slots__ = ("client", "head", "sent", "server", "status")

    def __init__(self, server: "Server", client: ClientState) -> None:
        self.server = server
        """The state of the server: limits, clock, Date."""
        self.client = client
        """The state of the client: whether it is connected, and reads fast enough."""
        self.head = NO_HEAD
        """The head of the request; of a refused head, the known parts."""
        self.status = 0
        """The status of the answer; 0 until its head is written."""
        self.sent = 0
        """Bytes of the answer's content written so far."""

    # For the wire to write

    @abc.abstractmethod
    def send_head(self, head: AnswerHead) -> None:
        """Write the head of the answer. It is called once, before any content.

        :param head: write its status, and all fields of :meth:`answer_fields`, which adds Content-Length,
            Date and Server. If ``has_content`` is true and ``size`` is ``None``, the wire itself marks the
            end of the content.
        """

    @abc.abstractmethod
    def send_data(self, data: bytes) -> None:
        """Write a piece of the content. It is not called if the head's ``has_content`` is false.

        :param data: not empty.
        """

    def send_pieces(self, pieces: Sequence[bytes], size: int) -> None:
        """Write several pieces of content at once. By default they are joined for :meth:`send_data`.

        A wire that frames content overrides it, so that large content is copied once.

        :param pieces: at least one; none is empty.
        :param size: their total size in bytes.
        """
        self.send_data(b"".join(pieces))

    @abc.abstractmethod
    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        """End the answer, so that the client knows it is complete. It is called once, also without content.

        :param data: the last piece of the content, to be written first; it may be empty.
        :param trailers: names and values to write behind the content, already checked. A wire without the
            feature ``response-trailers`` gets none.
        """

    @abc.abstractmethod
    def reset(self) -> None:
        """Break the answer off, so that the client sees a failure and waits for no more of it.

        It may be called before :meth:`send_head`. :meth:`answered` follows, unless the client is gone by
        then.
        """

    @abc.abstractmethod
    def pause_client(self) -> None:
        """Make the client pause its body: more than 64 KiB of it are unread.

        It is called again for each piece that still arrives.
        """

    @abc.abstractmethod
    def resume_client(self) -> None:
        """Let the client continue after :meth:`pause_client`."""

    @abc.abstractmethod
    def answered(self) -> None:
        """Go on after the answer: to the next request, or to the end of the connection.

        It is the last call, and made once: the answer is written or reset, logged, and its resources are
        closed. The request may be incomplete: see :attr:`Exchange.is_whole`. Drop the rest of it as it
        arrives.
        """

    def send_informational(self, status: str, fields: Sequence[tuple[str, str]]) -> bool:
        """Write a head of status 1xx before that of the answer (RFC 9110 section 15.2).

        It is called only before :meth:`send_head`, any number of times. A wire that overrides it claims the
        feature ``early-hints``.

        :param status: code and reason, such as ``"103 Early Hints"``.
        :param fields: names and values, already checked.
        :return: whether it was written. The default, for wires without such heads, writes nothing.
        """
        return False

    async def send_file(self, file: Any, size: int, offset: int) -> bool:
        """Have the kernel send content from a file, if the wire can.

        It is called after :meth:`send_head`, and :meth:`send_end` follows.

        :param file: binary and open. Its position is neither used nor changed: other answers may send it too.
        :param size: bytes to send. Add those that are sent to :attr:`sent`; if the file ends early, there are
            fewer.
        :param offset: position in the file of the first byte.
        :return: whether the file was sent; if not, nothing was, and :meth:`send_data` is called instead.
        :raises ConnectionResetError: if the client is gone.
        """
        return False

    def send_tunnel_head(self, protocol: str, fields: Sequence[tuple[str, str]]) -> int:
        """Write the head that opens a tunnel, instead of :meth:`send_head`.

        HTTP/1.1 does so with 101 (RFC 9110 section 7.8), HTTP/2 for an extended CONNECT (RFC 8441). It is
        called once, for a complete request that offers the protocol. The tunnel's data follows: see
        :meth:`Exchange.open_tunnel`. A wire that overrides it claims the feature ``tunnel``.

        :param protocol: the token that the client has offered, such as ``"websocket"``.
        :param fields: names and values, already checked. The wire adds those that name the protocol.
        :return: the status that was written.
        :raises NotImplementedError: if the wire claims tunnels and does not override this.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not define send_tunnel_head")

    # For the sender

    whole_size = 64 * 1024
    """Bytes of content in memory that are written at once. Larger content is sent in pieces, as the client
    takes them. 64 KiB is asyncio's high-water mark."""

    def prepare_stream(self, may_read: bool) -> None:
        """Prepare for content that is produced while it is sent. It is called before :meth:`send_head`.

        :param may_read: whether producing it may read a request body that the client has yet to send.
        """
        return

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        """Write a complete answer whose content is in memory and at most :attr:`whole_size` bytes long.

        It is called instead of :meth:`send_head` and :meth:`send_end`. An override does the work of both.

        :param content: empty if ``head`` has none.
        """
        self.send_head(head)
        self.send_end(content)

    @property
    def client_gone(self) -> bool:
        """Whether the client no longer receives what is written."""
        return self.client.is_gone

    async def drain(self) -> bool:
        """Wait until the client has read enough for more to be written.

        :return: whether it waited, so that the loop has run other callbacks.
        :raises ConnectionResetError: if the client is gone.
        """
        return await self.client.wait_room()

    def answer_fields(self, head: AnswerHead) -> list[tuple[str, str]]:
        """Return all fields of an answer: those of ``head``, and Content-Length, Date and Server."""
        fields, server = list(head.fields), self.server
        if head.size is not None:
            fields.append(("Content-Length", str(head.size)))
        if server.date and not head.has_date:
            fields.append(("Date", server.date))
        if server.server_field and not head.has_server:
            fields.append(("Server", server.server_field))
        return fields
