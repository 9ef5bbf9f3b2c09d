"""Making frames, as a server sends them."""

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Opcode

from kyoukai.websocket.frame_writer import FrameWriter, close_frame, control_frame, frame_head

from .frames import BINARY, CLOSE, CONT, PING, TEXT, Read, read_frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
def test_sizes(size):
    payload = bytes(size)
    head, body = FrameWriter().message(Opcode.BINARY, payload)
    assert read_frames(head + body) == [Read(BINARY, payload)]
    assert len(head) == (2 if size < 126 else 4 if size < 65536 else 10)


def test_the_head_of_a_fragment():
    assert frame_head(Opcode.TEXT, 3, fin=False) == b"\x01\x03"


def test_a_message_in_fragments():
    writer = FrameWriter()
    data = writer.fragment(Opcode.TEXT, b"ab", False) + writer.fragment(Opcode.CONT, b"c", True)
    assert read_frames(data) == [Read(TEXT, b"ab", fin=False), Read(CONT, b"c")]


def test_control_frames():
    assert read_frames(control_frame(Opcode.PING, b"?")) == [Read(PING, b"?")]


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [(None, "", b""), (1000, "", b"\x03\xe8"), (4000, "caf\xe9", b"\x0f\xa0caf\xc3\xa9")],
)
def test_closes(code, reason, payload):
    assert read_frames(close_frame(code, reason)) == [Read(CLOSE, payload)]


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_a_code_that_may_not_be_sent(code):
    with pytest.raises(ValueError, match=f"close code is {code}"):
        close_frame(code)


def test_a_reason_that_is_too_long():
    close_frame(1000, "x" * 123)
    with pytest.raises(ValueError, match="more than 123 bytes"):
        close_frame(1000, "x" * 124)


# Compression


def pair() -> tuple[FrameWriter, PerMessageDeflate]:
    """Return a writer, and what the client has."""
    return FrameWriter(PerMessageDeflate(False, False, 12, 12), 4), PerMessageDeflate(False, False, 12, 12)


def inflate(client: PerMessageDeflate, frame: Read) -> bytes:
    from websockets.frames import Frame

    return bytes(client.decode(Frame(Opcode(frame.opcode), frame.payload, frame.fin, frame.compressed)).data)


def test_a_compressed_message():
    writer, client = pair()
    for _ in range(2):
        (frame,) = read_frames(b"".join(writer.message(Opcode.TEXT, b"hello hello hello")))
        assert frame.compressed
        assert inflate(client, frame) == b"hello hello hello"
    # The second refers to the first.
    assert len(frame.payload) < 8


def test_a_short_message_is_not_compressed():
    writer, _ = pair()
    assert read_frames(b"".join(writer.message(Opcode.TEXT, b"abc"))) == [Read(TEXT, b"abc")]


def test_a_compressed_message_in_fragments():
    writer, client = pair()
    data = writer.fragment(Opcode.TEXT, b"hello ", False) + writer.fragment(Opcode.CONT, b"hello", True)
    first, last = read_frames(data)
    assert (first.compressed, last.compressed) == (True, False)
    assert inflate(client, first) + inflate(client, last) == b"hello hello"
