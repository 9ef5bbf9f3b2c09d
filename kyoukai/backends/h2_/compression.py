"""HPACK (RFC 7541) that remembers: the same fields are coded the same, as long as a table stays as it is.

A client sends the same few heads again and again, and an application the same answers. Where all fields of
one are in the dynamic table, coding it changes nothing, and need not be done twice.
"""

from collections.abc import Iterable
from typing import Any, Final

from h2.errors import ErrorCodes
from hpack import Decoder, Encoder, HeaderTuple, HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from .floods import WireError
from .heads import Fields, MalformedError, ReadHead, read_request

MAX_KNOWN: Final = 64
"""How many heads a connection remembers, each way."""

MAX_KNOWN_SIZE: Final = 512
"""Bytes of the longest block that is remembered."""


MAX_TABLE_SIZE: Final = 4096
"""Bytes of the largest table for answers, whatever a client offers: the library looks through all entries for
each field. RFC 7541 section 4.2 lets the one who encodes choose."""

MAX_CODED: Final = 1024
"""Bytes of the longest value of a field that is sent by a Huffman code."""


class CompressionError(WireError):
    """A head is not coded as it must be."""

    code = ErrorCodes.COMPRESSION_ERROR
    identifier = "http2-head-coding"


class NotingTable(HeaderTable):
    """A dynamic table that counts its changes."""

    changes = 0

    def add(self, name: bytes, value: bytes) -> None:
        """Add an entry."""
        self.changes += 1
        super().add(name, value)

    @property
    def maxsize(self) -> int:
        """The most bytes of its entries; those that have no room any more leave."""
        return super().maxsize

    @maxsize.setter
    def maxsize(self, size: int) -> None:
        self.changes += 1
        HeaderTable.maxsize.__set__(self, size)  # type: ignore[attr-defined]


class Block:
    """The fields of one head, decoded, and what they say.

    :param fields: names and values.
    """

    __slots__ = ("fields", "heads")

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.heads: dict[bool, ReadHead] = {}

    def read_request(self, has_ended: bool) -> ReadHead:
        """Return the request that it is the head of: see :func:`~.heads.read_request`."""
        head = self.heads.get(has_ended)
        if head is None:
            head = self.heads[has_ended] = read_request(self.fields, has_ended)
        return head


class BlockDecoder(Decoder):
    """Decodes heads.

    The library looks for fields that it takes for errors of the connection, where RFC 9113 has an error of
    the stream: a Content-Length that is none, a ``:status`` in a request. So it gets one pair, whose name is
    empty and whose value is the :class:`Block`; :func:`block_of` finds that in its events.

    :param max_size: the most bytes that a head may have when it is decoded; then the connection ends.
    """

    def __init__(self, max_size: int) -> None:
        super().__init__(max_size)
        self.header_table: NotingTable = NotingTable()
        self._known: dict[bytes, list[Any]] = {}
        self._known_changes = 0

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """Return one pair, which holds all fields of a head."""
        table, known = self.header_table, self._known
        if table.changes != self._known_changes:
            known.clear()
            self._known_changes = table.changes
        found = known.get(data)
        if found is not None:
            return found
        check_size_updates(data)
        try:
            block: list[Any] = [(b"", Block(list(super().decode(data, raw=True))))]
        except OversizedHeaderListError:
            raise
        except (HPACKError, IndexError, TypeError) as error:
            # RFC 9113 section 4.3; the library would make it a PROTOCOL_ERROR.
            raise CompressionError(f"a head cannot be decoded: {error}") from error
        if table.changes == self._known_changes and len(data) <= MAX_KNOWN_SIZE:
            if len(known) >= MAX_KNOWN:
                known.clear()
            known[data] = block
        return block


def check_size_updates(data: bytes) -> None:
    """Check how often a head changes the size of the table: thousands of times would fit into one frame.

    :raises CompressionError: if it is more often than twice: RFC 7541 section 4.2 has no need for more.
    """
    position = updates = 0
    while position < len(data) and data[position] & 0xE0 == 0x20:
        updates += 1
        if updates > 2:
            raise CompressionError("a head changes the size of the table more than twice")
        if data[position] & 0x1F == 0x1F:
            position += 1
            while position < len(data) and data[position] & 0x80:
                position += 1
        position += 1


def block_of(headers: Any) -> Block:
    """Return what a :class:`BlockDecoder` has put into an event of the library's."""
    block = headers[0][1]
    if not isinstance(block, Block):
        raise MalformedError("a head without fields")
    return block


class KnowingEncoder(Encoder):
    """Encodes heads."""

    def __init__(self) -> None:
        super().__init__()
        self.header_table: NotingTable = NotingTable()
        self._known: dict[Any, bytes] = {}
        self._known_changes = 0

    @property
    def header_table_size(self) -> int:
        """Bytes that the table may have; more than :data:`MAX_TABLE_SIZE` are not used."""
        return self.header_table.maxsize

    @header_table_size.setter
    def header_table_size(self, size: int) -> None:
        Encoder.header_table_size.__set__(self, min(size, MAX_TABLE_SIZE))  # type: ignore[attr-defined]

    def encode(self, headers: Any, huffman: bool = True) -> bytes:
        """Return the block of a head.

        :param headers: names and values.
        """
        table, known = self.header_table, self._known
        if table.changes != self._known_changes or self.table_size_changes:
            known.clear()
            self._known_changes = table.changes
        key = tuple(headers)
        found = known.get(key)
        if found is not None:
            return found
        is_resizing = bool(self.table_size_changes)
        # What the library does for a Huffman code takes four times as long for twice as much.
        encoded: bytes = super().encode(key, huffman and all(len(value) <= MAX_CODED for _, value in key))
        if table.changes == self._known_changes and not is_resizing and len(encoded) <= MAX_KNOWN_SIZE:
            if len(known) >= MAX_KNOWN:
                known.clear()
            known[key] = encoded
        return encoded
