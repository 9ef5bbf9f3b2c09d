from collections.abc import Generator

from kyoukai import HTTP1Backend, HTTPProtocol, RequestHead


class Bodies:
    """Decode the chunked transfer coding (RFC 9112 section 7.1). The server parses the heads."""

    def __init__(self, protocol: HTTPProtocol) -> None:
        self.protocol = protocol
        self.buffer = b""

    def begin_message(self, head: RequestHead) -> None:
        self.reading = self.read_body(head.body_size)

    def feed_data(self, data: bytes) -> None:
        self.buffer += data
        next(self.reading, None)

    def read_body(self, size: int | None) -> Generator[None, None, None]:
        if size is not None:
            yield from self.pass_on(size)
        else:
            while size := int((yield from self.read_line()).partition(b";")[0], 16):
                yield from self.pass_on(size)
                yield from self.read_line()
            while line := (yield from self.read_line()):
                name, _, value = line.partition(b":")
                self.protocol.on_header(name, value.strip())
        self.protocol.on_message_complete()

    def pass_on(self, size: int) -> Generator[None, None, None]:
        while size:
            if not self.buffer:
                yield
            piece, self.buffer = self.buffer[:size], self.buffer[size:]
            self.protocol.on_body(piece)
            size -= len(piece)

    def read_line(self) -> Generator[None, None, bytes]:
        while b"\r\n" not in self.buffer:
            yield
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line


class BodiesProtocol(HTTPProtocol):
    parser_errors = (ValueError,)  # int() of an invalid chunk size

    def make_parser(self) -> Bodies:
        return Bodies(self)


class BodiesBackend(HTTP1Backend):
    """A backend with its own parser for bodies."""

    api_version = 1
    protocol_class = BodiesProtocol
