import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kyoukai.testing import WireAdapter, WireAnswer

Fields = Sequence[tuple[str, str]]


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "big") + payload


def head_frame(method: str, target: str, fields: Fields, size: int | None, offers: str = "") -> bytes:
    head = {"method": method, "target": target, "fields": list(fields), "size": size, "offers": offers}
    return frame(b"H", json.dumps(head).encode())


def frames(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the letter and payload of each complete frame, and the bytes after it."""
    while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[1:5], "big")):
        kind, payload, data = data[:1], data[5:end], data[end:]
        yield kind, payload, data


class FramedAdapter(WireAdapter):
    """The client's side of a connection in frames."""

    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        return head_frame(method, target, fields, size)

    def encode_tunnel(self, protocol: str, target: str, fields: Fields) -> bytes:
        return head_frame("GET", target, fields, 0, protocol)

    def encode_data(self, data: bytes) -> bytes:
        return frame(b"D", data)

    def encode_end(self, trailers: Fields = ()) -> bytes:
        return frame(b"E", json.dumps(list(trailers)).encode())

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        answer: WireAnswer | None = None
        interim: list[tuple[int, Fields]] = []
        for kind, payload, rest in frames(data):
            if kind == b"I":
                interim.append(tuple(json.loads(payload)))
            elif kind == b"H":
                status, fields = json.loads(payload)
                answer = WireAnswer(status, fields, b"", is_whole=False, interim=interim)
            elif answer is None:
                raise ValueError(f"an answer begins with a frame {kind!r}")
            elif kind == b"D":
                answer = replace(answer, content=answer.content + payload)
            elif kind == b"R":
                answer = replace(answer, is_broken=True)
            else:
                trailers = tuple(map(tuple, json.loads(payload)))
                return replace(answer, is_whole=True, trailers=trailers, rest=rest)
        return answer
