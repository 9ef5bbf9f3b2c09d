import json
from collections.abc import Sequence

from kyoukai.testing import UnsayableError, WireAdapter, WireAnswer, WireDifference, WireRequest

Fields = Sequence[tuple[str, str]]


def has_tls_target(request: WireRequest) -> bool:
    return request.target.startswith("https:")


class LineAdapter(WireAdapter):
    """The client's side of a wire of lines of JSON."""

    differences = (
        *WireAdapter.differences,
        WireDifference("a target with a scheme", has_tls_target, "400", "this wire has paths only"),
    )

    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        if size is None:
            raise UnsayableError("a body of unknown size")
        return json.dumps([method, target, fields, size]).encode() + b"\n"

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        head, found, content = data.partition(b"\n")
        if not found:
            return None
        status, fields, size = json.loads(head)
        return WireAnswer(status, fields, content[:size], is_whole=len(content) >= size, rest=content[size:])


adapter = LineAdapter()
print(adapter.encode_head("GET", "/", [("Host", "h")], 0))  # b'["GET", "/", [["Host", "h"]], 0]\n'
answer = adapter.decode_answer(b'[200, [["Server", "s"]], 2]\nok', ended=False)
print(answer is not None and answer.is_whole and answer.values("server"))  # ['s']
print(adapter.differences[-1].holds(WireRequest("GET", "https://h/")))  # True
