"""The adapter for HTTP/1, used by the rules that apply to every wire format."""

from typing import Final

from .adapter import Fields, WireAdapter, WireAnswer

END_OF_HEAD: Final = b"\r\n\r\n"

SWITCHING_PROTOCOLS: Final = 101


class HTTP1Adapter(WireAdapter):
    """An HTTP/1.1 client that accepts trailers if the kit says so."""

    differences = ()
    method = ""
    is_chunked = False

    def encode_head(self, method: str, target: str, fields: Fields, size: int | None) -> bytes:
        """Return the head, with a field that delimits the body."""
        self.method, self.is_chunked = method, size is None
        lines = [f"{method} {target} HTTP/1.1", *_lines(fields)]
        if size:
            lines.append(f"Content-Length: {size}")
        elif size is None:
            lines.append("Transfer-Encoding: chunked")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def encode_data(self, data: bytes) -> bytes:
        """Return a piece of the body, as a chunk if the body is chunked (RFC 9112 section 7.1)."""
        return b"%x\r\n%b\r\n" % (len(data), data) if self.is_chunked else data

    def encode_end(self, trailers: Fields = ()) -> bytes:
        """Return the last chunk and the trailer section if the body is chunked."""
        return "\r\n".join(["0", *_lines(trailers), "", ""]).encode("latin-1") if self.is_chunked else b""

    def encode_tunnel(self, protocol: str, target: str, fields: Fields) -> bytes:
        """Return a request that offers an upgrade (RFC 9110 section 7.8)."""
        offer = (("Connection", "Upgrade"), ("Upgrade", protocol))
        return self.encode_head("GET", target, (*fields, *offer), 0)

    def decode_tunnel(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return the 101 answer, with everything after it as content."""
        head, found, content = data.partition(END_OF_HEAD)
        if not found:
            return None
        status, fields = _read_head(head)
        if status != SWITCHING_PROTOCOLS:
            return self.decode_answer(data, ended)
        return WireAnswer(status, fields, content, is_whole=ended)

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        """Return the answer, delimited as RFC 9112 section 6.3 defines.

        :raises ValueError: if the data is not an answer.
        """
        interim: list[tuple[int, Fields]] = []
        while True:
            head, found, data = data.partition(END_OF_HEAD)
            if not found:
                return None
            status, fields = _read_head(head)
            if status >= 200:
                break
            interim.append((status, fields))
        values = {name.lower(): value for name, value in fields}
        trailers: Fields = ()
        if self.method == "HEAD" or status in (204, 304):
            content, rest, is_whole = b"", data, True
        elif values.get("transfer-encoding") == "chunked":
            content, trailers, rest, is_whole = _read_chunks(data)
        elif "content-length" in values:
            size = int(values["content-length"])
            content, rest, is_whole = data[:size], data[size:], len(data) >= size
        else:
            content, rest, is_whole = data, b"", ended
        return WireAnswer(status, fields, content, is_whole, trailers, interim, rest=rest)


def _lines(fields: Fields) -> list[str]:
    return [f"{name}: {value}" for name, value in fields]


def _read_head(head: bytes) -> tuple[int, Fields]:
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first.startswith("HTTP/1.1 "):
        raise ValueError(f"not the start of an answer: {first[:80]!r}")
    return int(first[9:12]), _read_fields(lines)


def _read_fields(lines: list[str]) -> Fields:
    parts = [line.partition(":") for line in lines]
    return tuple((name, value.strip(" \t")) for name, _, value in parts)


def _read_chunks(data: bytes) -> tuple[bytes, Fields, bytes, bool]:
    """Return content, trailers, the data after them, and whether all is complete (RFC 9112 section 7.1)."""
    pieces: list[bytes] = []
    while True:
        line, found, data = data.partition(b"\r\n")
        if not found:
            return b"".join(pieces), (), b"", False
        size = int(line, 16)
        if not size:
            break
        pieces.append(data[:size])
        if len(data) < size + 2:
            return b"".join(pieces), (), b"", False
        if data[size : size + 2] != b"\r\n":
            raise ValueError(f"a chunk is followed by {data[size : size + 2]!r}, expected CRLF")
        data = data[size + 2 :]
    if data.startswith(b"\r\n"):
        return b"".join(pieces), (), data[2:], True
    section, found, rest = data.partition(END_OF_HEAD)
    if not found:
        return b"".join(pieces), (), b"", False
    return b"".join(pieces), _read_fields(section.decode("latin-1").split("\r\n")), rest, True
