"""Reading frames: messages, control frames, and what breaks the protocol."""

import contextlib
import itertools
import sys
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate

from kyoukai.websocket.frame_reader import Control, FrameReader, Violation, read_close

from .frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, close, deflated, frame

LIMIT = 1000


def make_reader(limit: int = LIMIT, frame_limit: int = LIMIT, *, compressed: bool = False) -> FrameReader:
    deflate = PerMessageDeflate(False, False, 12, 12) if compressed else None
    return FrameReader(limit, frame_limit, deflate)


def events(reader: FrameReader) -> Iterator[str | bytes | Control]:
    while (event := reader.read()) is not None:
        yield event


def read_all(data: bytes, *, compressed: bool = False) -> list[str | bytes | Control]:
    reader = make_reader(compressed=compressed)
    reader.feed(data)
    return list(events(reader))


def read_in_bytes(data: bytes, *, compressed: bool = False) -> list[str | bytes | Control]:
    reader = make_reader(compressed=compressed)
    found: list[str | bytes | Control] = []
    for index in range(len(data)):
        reader.feed(data[index : index + 1])
        found += events(reader)
    return found


MESSAGES = {
    "text": (frame(TEXT, b"hello"), ["hello"]),
    "binary": (frame(BINARY, b"\x00\xff"), [b"\x00\xff"]),
    "empty text": (frame(TEXT), [""]),
    "empty binary": (frame(BINARY), [b""]),
    "125 bytes": (frame(TEXT, b"x" * 125), ["x" * 125]),
    "126 bytes": (frame(TEXT, b"x" * 126), ["x" * 126]),
    "as many as may be": (frame(BINARY, b"x" * LIMIT), [b"x" * LIMIT]),
    "two": (frame(TEXT, b"a") + frame(BINARY, b"b"), ["a", b"b"]),
    "fragments": (frame(TEXT, b"ab", fin=False) + frame(CONT, b"c", fin=False) + frame(CONT, b"d"), ["abcd"]),
    "empty fragments": (frame(BINARY, fin=False) + frame(CONT, fin=False) + frame(CONT), [b""]),
    "a character in two fragments": (frame(TEXT, b"\xc3", fin=False) + frame(CONT, b"\xa9"), ["\xe9"]),
    "a ping within": (
        frame(TEXT, b"a", fin=False) + frame(PING, b"?") + frame(CONT, b"b"),
        [Control(PING, b"?"), "ab"],
    ),
    "a pong": (frame(PONG, b"!"), [Control(PONG, b"!")]),
    "a longest ping": (frame(PING, b"x" * 125), [Control(PING, b"x" * 125)]),
    "a close": (close(1000, b"bye"), [Control(CLOSE, b"\x03\xe8bye")]),
    "another way to write a size": (
        # RFC 6455 section 5.2 wants the shortest, and gives no right to refuse another.
        b"\x82\xfe\x00\x01" + b"\x00" * 4 + b"x",
        [b"x"],
    ),
}


@pytest.mark.parametrize(("data", "expected"), MESSAGES.values(), ids=MESSAGES.keys())
@pytest.mark.parametrize("read", [read_all, read_in_bytes], ids=["at once", "byte by byte"])
def test_frames_that_are_read(read, data, expected):
    assert read(data) == expected
    assert [type(one) for one in read(data)] == [type(one) for one in expected]


def test_a_frame_of_more_than_64_kibibytes():
    reader = make_reader(200_000, 200_000)
    data = frame(BINARY, b"x" * 70_000)
    reader.feed(data[:30_000])
    assert reader.read() is None
    reader.feed(data[30_000:])
    assert reader.read() == b"x" * 70_000


def test_no_frame_is_read_ahead():
    reader = make_reader()
    reader.feed(frame(TEXT, b"good") + frame(3))
    assert reader.read() == "good"
    assert len(reader) > 0
    with pytest.raises(Violation):
        reader.read()


BREACHES = {
    "no mask": (frame(TEXT, b"a", mask=None), 1002),
    "unknown opcode 3": (frame(3), 1002),
    "unknown opcode 11": (frame(11), 1002),
    "RSV1 without compression": (frame(TEXT, b"a", reserved=4), 1002),
    "RSV2": (frame(TEXT, b"a", reserved=2), 1002),
    "RSV3": (frame(BINARY, b"a", reserved=1), 1002),
    "RSV1 of a ping": (frame(PING, reserved=4), 1002),
    "a long ping": (frame(PING, b"x" * 126), 1002),
    "a ping in fragments": (frame(PING, fin=False), 1002),
    "a continuation of nothing": (frame(CONT, b"a"), 1002),
    "a message within another": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "too large": (frame(BINARY, b"", size=LIMIT + 1), 1009),
    "too large by far": (frame(BINARY, b"", size=2**63), 1009),
    "too large in fragments": (frame(BINARY, b"x" * 600, fin=False) + frame(CONT, b"", size=401), 1009),
    "no UTF-8": (frame(TEXT, b"\xff"), 1007),
    "no UTF-8 at its end": (frame(TEXT, b"\xc3"), 1007),
    "no UTF-8 in a fragment": (frame(TEXT, b"a", fin=False) + frame(CONT, b"\xff", fin=False), 1007),
    "no UTF-8 at the end of fragments": (frame(TEXT, b"\xc3", fin=False) + frame(CONT, b""), 1007),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
}


@pytest.mark.parametrize(("data", "code"), BREACHES.values(), ids=BREACHES.keys())
@pytest.mark.parametrize("read", [read_all, read_in_bytes], ids=["at once", "byte by byte"])
def test_protocol_violations(read, data, code):
    with pytest.raises(Violation) as caught:
        read(data)
    assert caught.value.code == code


def test_a_text_is_checked_while_its_frame_is_under_way():
    reader = make_reader()
    reader.feed(frame(TEXT, b"ab\xff" + bytes(500))[:11])
    with pytest.raises(Violation) as caught:
        reader.read()
    assert caught.value.code == 1007


def test_a_limit_of_frames():
    reader = make_reader(1000, 10)
    reader.feed(frame(TEXT, b"0123456789", fin=False) + frame(CONT, b"0123456789"))
    assert reader.read() == "0123456789" * 2
    reader.feed(frame(TEXT, b"01234567890"))
    with pytest.raises(Violation, match="frame of more than 10 bytes"):
        reader.read()


@pytest.mark.parametrize("size", [100, 300], ids=["whole", "part"])
def test_read_bytes_are_not_kept(size):
    data = frame(BINARY, b"x" * size)[:200]
    count = sys.getrefcount(data)
    reader = make_reader()
    reader.feed(data)
    list(events(reader))
    assert sys.getrefcount(data) == count
    assert len(reader) == 0


# Compressed messages


def test_a_compressed_message():
    data = frame(TEXT, deflated(b"hello hello"), reserved=4)
    assert read_all(data, compressed=True) == ["hello hello"]
    assert read_in_bytes(data, compressed=True) == ["hello hello"]


def test_uncompressed_message_among_compressed_ones():
    assert read_all(frame(TEXT, b"plain"), compressed=True) == ["plain"]


def test_a_compressed_message_in_fragments():
    payload = deflated(b"hello " * 50)
    data = frame(TEXT, payload[:3], fin=False, reserved=4) + frame(PING) + frame(CONT, payload[3:])
    assert read_all(data, compressed=True) == [Control(PING, b""), "hello " * 50]


def test_a_continuation_must_not_say_that_it_is_compressed():
    payload = deflated(b"hello")
    data = frame(TEXT, payload[:3], fin=False, reserved=4) + frame(CONT, payload[3:], reserved=4)
    with pytest.raises(Violation) as caught:
        read_all(data, compressed=True)
    assert caught.value.code == 1002


@pytest.mark.parametrize("cut", [None, 200])
def test_message_that_inflates_beyond_the_limit(cut):
    payload = deflated(bytes(1_000_000))
    assert len(payload) <= LIMIT
    reader = make_reader(compressed=True)
    data = frame(BINARY, payload, reserved=4)
    reader.feed(data[:cut])
    with pytest.raises(Violation) as caught:
        reader.read()
    assert caught.value.code == 1009


def test_message_that_inflates_to_the_limit():
    assert read_all(frame(BINARY, deflated(bytes(LIMIT)), reserved=4), compressed=True) == [bytes(LIMIT)]


def test_message_one_byte_above_the_limit():
    payload = deflated(bytes(LIMIT))
    more = deflated(b"x")
    reader = make_reader(compressed=True)
    reader.feed(frame(BINARY, payload + b"\x00\x00\xff\xff", fin=False, reserved=4) + frame(CONT, more))
    with pytest.raises(Violation) as caught:
        reader.read()
    assert caught.value.code == 1009


@pytest.mark.parametrize("keeps", [True, False], ids=["context takeover", "no context takeover"])
def test_message_with_a_final_block_leaves_no_state(keeps):
    # RFC 7692 section 7.2.3.4
    deflate = PerMessageDeflate(not keeps, not keeps, 12, 12)
    reader = FrameReader(LIMIT, LIMIT, deflate)
    compressor = zlib.compressobj(wbits=-12)
    payload = compressor.compress(b"hello") + compressor.flush(zlib.Z_FINISH) + b"\0"
    for _ in range(3):
        reader.feed(frame(TEXT, payload, reserved=4))
        assert reader.read() == "hello"
        if keeps:
            assert deflate.decoder.unused_data == b""


def test_message_that_is_not_deflated():
    with pytest.raises(Violation) as caught:
        read_all(frame(BINARY, b"\xff\xff\xff", reserved=4), compressed=True)
    assert caught.value.code == 1007


def test_a_compressed_text_that_is_no_utf_8():
    with pytest.raises(Violation) as caught:
        read_all(frame(TEXT, deflated(b"\xff"), reserved=4), compressed=True)
    assert caught.value.code == 1007


# Whatever way it is cut


@given(
    messages=st.lists(st.one_of(st.text(max_size=40), st.binary(max_size=40)), max_size=5),
    cuts=st.lists(st.integers(0, 400), max_size=8),
    sizes=st.lists(st.integers(0, 10), min_size=1, max_size=5),
    compressed=st.booleans(),
)
def test_cuts_and_fragments_change_nothing(messages, cuts, sizes, compressed):
    data = b""
    for message in messages:
        opcode = TEXT if isinstance(message, str) else BINARY
        payload = message.encode() if isinstance(message, str) else message
        if compressed:
            payload = deflated(payload)
        first, left = True, payload
        for size in sizes:
            data += frame(
                opcode if first else CONT, left[:size], fin=False, reserved=4 if first and compressed else 0
            )
            first, left = False, left[size:]
        data += frame(CONT, left)
    reader = FrameReader(LIMIT, LIMIT, PerMessageDeflate(True, True, 12, 12) if compressed else None)
    found: list[object] = []
    bounds = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(bounds):
        reader.feed(data[start:end])
        found += events(reader)
    assert found == messages


@given(st.binary(max_size=200))
def test_garbage_is_read_or_refused(data):
    reader = make_reader(compressed=True)
    reader.feed(data)
    with contextlib.suppress(Violation):
        for event in events(reader):
            assert isinstance(event, str | bytes | Control)


# Closes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (1005, "")),
        (b"\x03\xe8", (1000, "")),
        (b"\x03\xe8bye", (1000, "bye")),
        (b"\x0b\xb8", (3000, "")),
        (b"\x13\x87", (4999, "")),
    ],
)
def test_contents_of_a_close(data, expected):
    assert read_close(data) == expected


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x03", 1002),
        (b"\x03\xe7", 1002),
        (b"\x03\xec", 1002),
        (b"\x03\xed", 1002),
        (b"\x03\xee", 1002),
        (b"\x03\xf7", 1002),
        (b"\x13\x88", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_a_close_that_may_not_be_sent(data, code):
    with pytest.raises(Violation) as caught:
        read_close(data)
    assert caught.value.code == code
