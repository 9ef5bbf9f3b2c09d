"""Removing a content coding: what the bytes stand for, however they are cut, and never more than allowed."""

import gzip
import itertools
import random
import zlib
from collections.abc import Iterator

import pytest

from kyoukai.core.errors import BadRequest, ContentTooLarge, ProtocolError, UnsupportedMediaType
from kyoukai.core.semantics import content_coding
from kyoukai.core.semantics.content_coding import MANY_MEMBERS, STEP, ContentDecoder

LIMIT = 100_000

TEXT = b"The quick brown fox jumps over the lazy dog. " * 4
NOISE = random.Random(0).randbytes(3 * STEP)


def deflate(data: bytes) -> bytes:
    """Compress by the coding that HTTP calls deflate."""
    return zlib.compress(data)


def raw(data: bytes) -> bytes:
    """Compress by RFC 1951 alone, without the wrapping of RFC 1950."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def cuttings(data: bytes) -> Iterator[list[bytes]]:
    """Yield ``data`` whole, byte by byte, and in two at every position."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(len(data) + 1):
        yield [data[:i], data[i:]]


def decode(coding: str, pieces: list[bytes], limit: int = LIMIT) -> bytes:
    """Decode a body, and check that the size is told right."""
    decoder = ContentDecoder(coding, limit)
    decoded = b""
    for piece in pieces:
        decoded += decoder.decode(piece)
        assert decoder.size == len(decoded)
    decoder.finish()
    return decoded


def refusal(coding: str, data: bytes, limit: int = LIMIT) -> type[ProtocolError]:
    """Have a body refused by every cutting, and return the one error."""
    errors = set()
    for pieces in cuttings(data):
        with pytest.raises(ProtocolError) as caught:
            decode(coding, pieces, limit)
        errors.add(type(caught.value))
    assert len(errors) == 1
    return errors.pop()


CODED = {
    "gzip": ("gzip", gzip.compress(TEXT), TEXT),
    "RFC9110-8.4.1.3 x-gzip": ("x-gzip", gzip.compress(TEXT), TEXT),
    "RFC9110-8.4.1.2 deflate": ("deflate", deflate(TEXT), TEXT),
    "gzip of nothing": ("gzip", gzip.compress(b""), b""),
    "deflate of nothing": ("deflate", deflate(b""), b""),
    "gzip, stored": ("gzip", gzip.compress(TEXT, 0), TEXT),
    "deflate, stored": ("deflate", zlib.compress(TEXT, 0), TEXT),
    "RFC1952-2.2 two members": ("gzip", gzip.compress(TEXT) + gzip.compress(b"more"), TEXT + b"more"),
    "RFC1952-2.2 empty members": (
        "gzip",
        gzip.compress(b"") + gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b""),
        TEXT,
    ),
}


@pytest.mark.parametrize(("coding", "coded", "text"), CODED.values(), ids=CODED.keys())
def test_decoding(coding: str, coded: bytes, text: bytes) -> None:
    for pieces in cuttings(coded):
        assert decode(coding, pieces) == text


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_output_larger_than_a_step(coding: str) -> None:
    compress = gzip.compress if coding == "gzip" else deflate
    coded = compress(NOISE)
    assert len(coded) > 3 * STEP
    assert decode(coding, [coded]) == NOISE
    for size in (STEP - 1, STEP, STEP + 1):
        assert decode(coding, [coded[i : i + size] for i in range(0, len(coded), size)]) == NOISE


def test_members_that_end_anywhere_in_a_step() -> None:
    for size in (STEP - 30, STEP - 23, STEP - 22, STEP, STEP + 1):
        text = NOISE[:size]
        assert decode("gzip", [gzip.compress(text, 0) + gzip.compress(TEXT)]) == text + TEXT


def test_decoded_data_comes_with_its_encoded_size() -> None:
    coded = gzip.compress(NOISE)
    decoder = ContentDecoder("gzip", LIMIT)
    assert decoder.decode(b"") == b""
    first = decoder.decode(coded[: 2 * STEP])
    assert len(first) > STEP
    assert first + decoder.decode(coded[2 * STEP :]) == NOISE
    decoder.finish()


@pytest.mark.parametrize(
    "coding", ["", "identity", "br", "zstd", "compress", "GZIP", "gzip, gzip", "gzip;q=1"]
)
def test_a_coding_that_is_not_known(coding: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        ContentDecoder(coding, LIMIT)


# Bodies that are refused

GZIP = gzip.compress(TEXT)
DEFLATE = deflate(TEXT)

REFUSED = {
    "not compressed": ("gzip", TEXT),
    "deflate not compressed": ("deflate", TEXT),
    "deflate for gzip": ("gzip", DEFLATE),
    "gzip for deflate": ("deflate", GZIP),
    "RFC9110-8.4.1.2 deflate without its wrapping": ("deflate", raw(TEXT)),
    "another method": ("gzip", GZIP[:2] + b"\x09" + GZIP[3:]),
    "another checksum": ("gzip", GZIP[:-8] + bytes([GZIP[-8] ^ 1]) + GZIP[-7:]),
    "another size": ("gzip", GZIP[:-1] + bytes([GZIP[-1] ^ 1])),
    "deflate with another checksum": ("deflate", DEFLATE[:-1] + bytes([DEFLATE[-1] ^ 1])),
    "deflate with a dictionary": ("deflate", b"\x78\xbb\x00\x00\x00\x01" + raw(TEXT)),
    "garbage behind gzip": ("gzip", GZIP + b"garbage"),
    "NUL behind gzip": ("gzip", GZIP + b"\0"),
    "garbage behind two members": ("gzip", GZIP + GZIP + b"garbage"),
    "half a member behind gzip": ("gzip", GZIP + GZIP[:-1]),
    "one byte of a member behind gzip": ("gzip", GZIP + GZIP[:1]),
    "garbage behind deflate": ("deflate", DEFLATE + b"garbage"),
    "RFC1950 has no second stream": ("deflate", DEFLATE + DEFLATE),
}


@pytest.mark.parametrize(("coding", "data"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(coding: str, data: bytes) -> None:
    assert refusal(coding, data) is BadRequest


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
def test_a_body_that_ends_early(coding: str) -> None:
    coded = DEFLATE if coding == "deflate" else GZIP
    for size in range(len(coded)):
        decoder = ContentDecoder(coding, LIMIT)
        decoder.decode(coded[:size])
        with pytest.raises(BadRequest, match="is incomplete"):
            decoder.finish()


def test_a_fault_is_reported_when_it_comes() -> None:
    decoder = ContentDecoder("gzip", LIMIT)
    with pytest.raises(BadRequest, match="cannot be decoded"):
        decoder.decode(b"garbage")
    decoder = ContentDecoder("deflate", LIMIT)
    decoder.decode(DEFLATE)
    with pytest.raises(BadRequest, match="continues after"):
        decoder.decode(b"\0")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_flipped_bits_never_pass_for_other_data(coding: str) -> None:
    text = NOISE[:200]
    coded = bytearray(gzip.compress(text) if coding == "gzip" else deflate(text))
    # Time, flags and system of a gzip header say nothing of the data.
    first = 10 if coding == "gzip" else 0
    refused = 0
    for i, bit in itertools.product(range(first, len(coded)), (1, 128)):
        coded[i] ^= bit
        try:
            # Some bits only fill a byte.
            assert decode(coding, [bytes(coded)]) == text
        except BadRequest:
            refused += 1
        coded[i] ^= bit
    assert refused > 300
    assert decode(coding, [bytes(coded)]) == text


# How much is made of it


class Counting:
    """A decompressor that adds up what is made."""

    made = 0

    def __init__(self, window_bits: int) -> None:
        self._decompressor = zlib.decompressobj(window_bits)

    def decompress(self, data: bytes, most: int) -> bytes:
        assert most > 0, "0 would be any number"
        made = self._decompressor.decompress(data, most)
        Counting.made += len(made)
        return made

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    """Count what is made by every decoder of this test."""
    monkeypatch.setattr(Counting, "made", 0)
    zlib_module = type("Zlib", (), {"decompressobj": Counting, "error": zlib.error})
    monkeypatch.setattr(content_coding, "zlib", zlib_module)
    return Counting


BOMBS = {
    "gzip": ("gzip", gzip.compress(bytes(10_000_000))),
    "deflate": ("deflate", deflate(bytes(10_000_000))),
    "many members": ("gzip", gzip.compress(bytes(500)) * 500),
    "members that grow": ("gzip", b"".join(gzip.compress(bytes(2**i)) for i in range(24))),
}


@pytest.mark.parametrize(("coding", "bomb"), BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("size", [1, 100, 10**9])
@pytest.mark.parametrize("limit", [0, 1, 1000, 65536])
def test_decoding_stops_at_the_limit(
    counting: type[Counting], coding: str, bomb: bytes, size: int, limit: int
) -> None:
    with pytest.raises(ContentTooLarge):
        decode(coding, [bomb[i : i + size] for i in range(0, len(bomb), size)], limit)
    assert counting.made == limit + 1


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("size", [0, 1, 1000])
def test_output_at_the_limit_is_accepted(counting: type[Counting], coding: str, size: int) -> None:
    text = NOISE[:size]
    coded = gzip.compress(text) if coding == "gzip" else deflate(text)
    for pieces in ([coded], [coded[i : i + 1] for i in range(len(coded))]):
        assert decode(coding, pieces, size) == text
    assert counting.made == 2 * size
    if size:
        with pytest.raises(ContentTooLarge):
            decode(coding, [coded], size - 1)


def test_members_add_up_to_the_limit() -> None:
    coded = gzip.compress(b"12345") + gzip.compress(b"67890")
    assert decode("gzip", [coded], 10) == b"1234567890"
    assert refusal("gzip", coded, 9) is ContentTooLarge
    # Each by itself would do.
    assert refusal("gzip", coded, 5) is ContentTooLarge


def test_the_limit_is_reported_before_what_comes_behind_it() -> None:
    decoder = ContentDecoder("gzip", 10)
    with pytest.raises(ContentTooLarge):
        decoder.decode(gzip.compress(bytes(11)) + b"garbage")


def test_empty_members_are_counted() -> None:
    # They hold nothing, so no limit of bytes would end them.
    empty = gzip.compress(b"")
    assert decode("gzip", [empty * MANY_MEMBERS]) == b""
    for size in (1000, 10**9):
        coded = empty * (MANY_MEMBERS + 1)
        with pytest.raises(BadRequest, match="continues after"):
            decode("gzip", [coded[i : i + size] for i in range(0, len(coded), size)])


def test_so_many_more_as_the_limit_is_larger() -> None:
    many = MANY_MEMBERS * 3
    decoder = ContentDecoder("gzip", content_coding.MEMBER_SIZE * many)
    assert decoder.decode(gzip.compress(b"1") * many) == b"1" * many


def test_empty_body_has_size_zero() -> None:
    decoder = ContentDecoder("gzip", LIMIT)
    decoder.finish()
    assert decoder.size == 0


def test_bytes_after_a_member_are_copied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each member's end copies what is behind it: all of it would be quadratic.
    sizes = []

    class Measuring(Counting):
        def decompress(self, data: bytes, most: int) -> bytes:
            sizes.append(len(data))
            return super().decompress(data, most)

    zlib_module = type("Zlib", (), {"decompressobj": Measuring, "error": zlib.error})
    monkeypatch.setattr(content_coding, "zlib", zlib_module)
    coded = gzip.compress(b"1") * MANY_MEMBERS
    assert decode("gzip", [coded]) == b"1" * MANY_MEMBERS
    assert max(sizes) == STEP
    assert sum(sizes) < len(coded) * STEP / 20


# In pieces


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 65_538, 131_074, 1_000_000])
def test_pieces_are_the_whole_and_none_is_large(size: int) -> None:
    for data in (bytes(size), random.Random(size).randbytes(size)):
        coded = gzip.compress(data[: size // 2]) + gzip.compress(data[size // 2 :])
        decoder = ContentDecoder("gzip", size)
        pieces = list(decoder.pieces(coded))
        assert b"".join(pieces) == data
        assert all(0 < len(piece) <= 64 * 1024 + 1 for piece in pieces)
        assert decoder.size == size
        decoder.finish()


def test_pieces_pass_no_limit() -> None:
    decoder = ContentDecoder("gzip", 100_000)
    sizes = []
    with pytest.raises(ContentTooLarge):
        sizes += map(len, decoder.pieces(gzip.compress(bytes(100_001))))
    assert decoder.size == 100_001


def test_pieces_of_what_is_wrong() -> None:
    with pytest.raises(BadRequest):
        list(ContentDecoder("gzip", 10).pieces(b"abc"))
    with pytest.raises(BadRequest):
        list(ContentDecoder("deflate", 10).pieces(zlib.compress(b"a") + b"b"))
