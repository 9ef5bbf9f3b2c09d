"""Heads that are remembered, and tables that change."""

import pytest
from hpack import Decoder, Encoder

from kyoukai.backends.h2_.compression import BlockDecoder, CompressionError, KnowingEncoder, block_of

FIELDS = [(b":method", b"GET"), (b"x-own", b"value"), (b"x-other", b"another")]

NO_ROOM = b"\x20"
"""A block that resizes the table, and has no field (RFC 7541 section 6.3)."""

ROOM = b"\x3f\xe1\x1f"
"""One that resizes it to 4,096 bytes."""


def remembered(decoder: BlockDecoder) -> bytes:
    """Return a block that stands for entries of the table, and that the decoder knows by now."""
    encoder = Encoder()
    blocks = [encoder.encode(FIELDS) for _ in range(3)]
    assert blocks[1] == blocks[2] != blocks[0]
    read = [decoder.decode(block) for block in blocks]
    assert [block_of(one).fields for one in read] == [FIELDS] * 3
    assert read[1] is read[2]
    return blocks[1]


def test_a_table_without_room_forgets() -> None:
    """What is remembered of a block stands for entries that are gone."""
    decoder = BlockDecoder(2**16)
    block = remembered(decoder)
    decoder.decode(NO_ROOM + ROOM + b"\x82")
    with pytest.raises(CompressionError):
        decoder.decode(block)


def test_other_entries_in_the_place_of_those_remembered() -> None:
    decoder = BlockDecoder(2**16)
    block = remembered(decoder)
    others = Encoder()
    decoder.decode(NO_ROOM + ROOM + others.encode([(b"y-own", b"1"), (b"y-other", b"2")]))
    assert block_of(decoder.decode(block)).fields == [FIELDS[0], (b"y-own", b"1"), (b"y-other", b"2")]


def test_answers_are_told_in_tables_of_all_sizes() -> None:
    encoder, decoder = KnowingEncoder(), Decoder()
    for size in (None, None, 100, 0, 0, 4096, None, 60, None, 2**32 - 1, 4096, 10):
        if size is not None:
            encoder.header_table_size = size
        for _ in range(3):
            assert decoder.decode(encoder.encode(FIELDS), raw=True) == FIELDS


def test_a_client_does_not_choose_a_larger_table() -> None:
    encoder = KnowingEncoder()
    encoder.header_table_size = 2**32 - 1
    assert encoder.header_table_size == 4096
    for number in range(1000):
        encoder.encode([(b"x-number", b"%d" % number)])
    assert len(encoder.header_table.dynamic_entries) < 100


def test_a_head_may_change_the_size_of_the_table_twice() -> None:
    decoder = BlockDecoder(65536)
    # Section 5.1 of RFC 7541: the second size takes three bytes.
    twice = b"\x20" + b"\x3f\xe1\x1f"
    assert len(block_of(decoder.decode(twice + b"\x82")).fields) == 1
    for more in (b"\x20", b"\x3f\x00", b"\x3f\xe1\x1f"):
        with pytest.raises(CompressionError, match="more than twice"):
            decoder.decode(twice + more + b"\x82")
