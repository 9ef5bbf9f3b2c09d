"""HPACK (RFC 7541) with a cache: the same fields have the same coding until the dynamic table changes.

Clients send the same few heads repeatedly, and applications the same answers. If the dynamic table has all
fields of a head, coding does not change the table, so the result can be reused.
"""

from collections.abc import Iterable
from typing import Any, Final

from h2.errors import ErrorCodes
from hpack import Decoder, Encoder, HeaderTuple, HPACKError, OversizedHeaderListError
from hpack.table import HeaderTable

from .floods import WireError
from .heads import Fields, MalformedError, ReadHead, read_request

MAX_KNOWN: Final = 64
"""Number of heads that a connection caches in each direction."""

MAX_KNOWN_SIZE: Final = 512
"""Size in bytes of the longest cached block."""


MAX_TABLE_SIZE: Final = 4096
"""Largest table for answers in bytes, whatever the client offers. The library searches all entries for each
field. RFC 7541 section 4.2 lets the encoder choose the size.
"""

MAX_CODED: Final = 1024
"""Longest field value in bytes that is sent in Huffman code."""


class CompressionError(WireError):
    """A head violates HPACK."""

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
        """Largest size of the entries in bytes. Entries that no longer fit are evicted."""
        return super().maxsize

    @maxsize.setter
    def maxsize(self, size: int) -> None:
        self.changes += 1
        HeaderTable.maxsize.__set__(self, size)  # type: ignore[attr-defined]


class Block:
    """The decoded fields of one head, and the request read from them.

    :param fields: names and values.
    """

    __slots__ = ("fields", "heads")

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.heads: dict[bool, ReadHead] = {}

    def read_request(self, has_ended: bool) -> ReadHead:
        """Return the request with this head: see :func:`~.heads.read_request`."""
        head = self.heads.get(has_ended)
        if head is None:
            head = self.heads[has_ended] = read_request(self.fields, has_ended)
        return head


class BlockDecoder(Decoder):
    """Decodes heads.

    The library treats some faults as connection errors where RFC 9113 requires a stream error: an invalid
    Content-Length, a ``:status`` in a request. So the decoder gives it a single pair with an empty name and
    the
    :class:`Block` as value. :func:`block_of` gets the block out of the library's events.

    :param max_size: largest size of a decoded head in bytes. A larger head ends the connection.
    """

    def __init__(self, max_size: int) -> None:
        super().__init__(max_size)
        self.header_table: NotingTable = NotingTable()
        self._known: dict[bytes, list[Any]] = {}
        self._known_changes = 0

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """Return one pair that holds all fields of a head."""
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
            # RFC 9113 section 4.3: a COMPRESSION_ERROR. The library would report a PROTOCOL_ERROR.
            raise CompressionError(f"a head cannot be decoded: {error}") from error
        if table.changes == self._known_changes and len(data) <= MAX_KNOWN_SIZE:
            if len(known) >= MAX_KNOWN:
                known.clear()
            known[data] = block
        return block


def check_size_updates(data: bytes) -> None:
    """Check how often a head changes the size of the table. One frame has room for thousands of changes.

    :raises CompressionError: if there are more than two changes: RFC 7541 section 4.2 needs no more.
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
    """Return the block that a :class:`BlockDecoder` has put into an event of the library."""
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
        """Size of the table in bytes: the client's setting, but at most :data:`MAX_TABLE_SIZE`."""
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
        # The library's Huffman coding takes four times as long for twice the length.
        encoded: bytes = super().encode(key, huffman and all(len(value) <= MAX_CODED for _, value in key))
        if table.changes == self._known_changes and not is_resizing and len(encoded) <= MAX_KNOWN_SIZE:
            if len(known) >= MAX_KNOWN:
                known.clear()
            known[key] = encoded
        return encoded
