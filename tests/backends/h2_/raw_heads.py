"""Heads in as many frames as they take."""

from hyperframe.frame import ContinuationFrame, Frame, HeadersFrame


def frames_of_head(block: bytes, stream: int, size: int = 16384, ends: bool = True) -> list[Frame]:
    """Return a head as frames of ``size`` bytes."""
    pieces = [block[start : start + size] for start in range(0, len(block), size)] or [b""]
    frames: list[Frame] = [HeadersFrame(stream, pieces[0], flags=["END_STREAM"] if ends else [])]
    frames += [ContinuationFrame(stream, piece) for piece in pieces[1:]]
    frames[-1].flags.add("END_HEADERS")
    return frames
