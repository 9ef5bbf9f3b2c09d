# region: start
"""A backend for Kyoukai on h11, the parser in pure Python of httpx and of uvicorn."""

import sys

import h11

from kyoukai import HTTP1Backend, HTTPProtocol


# region: parser
class H11Parser:
    """The shape of a ``kyoukai.RequestParser`` over ``h11.Connection``, which is read from only."""

    def __init__(self, protocol: HTTPProtocol) -> None:
        self.protocol = protocol
        self.connection: h11.Connection | None = None
        self.method = b""
        self.version = ""

    def get_method(self) -> bytes:
        return self.method

    def get_http_version(self) -> str:
        return self.version

    def should_keep_alive(self) -> bool:
        return True  # Each message gets a connection of its own, so another one is always welcome.

    # region: feed
    def feed_data(self, data: bytes) -> None:
        if self.connection is None:
            # The first bytes of a message are its head, whole and by itself.
            self.call_back_head(data)
            # h11 begins no second request before the first is answered, and the answer is not its
            # business here. What it may hold is bounded already: a limit of its own would refuse
            # trailers that the server's limits let pass.
            self.connection = h11.Connection(h11.SERVER, max_incomplete_event_size=sys.maxsize)
        self.connection.receive_data(data)
        self.call_back_body(self.connection)

    # region: head
    def call_back_head(self, head: bytes) -> None:
        # Not from h11.Request: that has one Content-Length where two were sent, and is not there at
        # all where h11 refuses the head, with a status that is not always the policy's.
        request_line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        self.method, target, version = request_line.split(b" ")
        self.version = version.removeprefix(b"HTTP/").decode("ascii")
        self.protocol.on_message_begin()
        self.protocol.on_url(target)
        for line in lines:
            name, _, value = line.partition(b":")
            self.protocol.on_header(name, value.strip(b" \t"))
        self.protocol.on_headers_complete()

    # region: body
    def call_back_body(self, connection: h11.Connection) -> None:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                self.protocol.on_body(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                for name, value in event.headers.raw_items():
                    self.protocol.on_header(name, value)
                self.connection = None
                self.protocol.on_message_complete()
                return
            elif not isinstance(event, h11.Request):
                return  # h11.NEED_DATA


# region: protocol
class H11Protocol(HTTPProtocol):
    """One connection. It names the parser, and the exceptions that the parser raises for bad input."""

    parser_errors = (h11.RemoteProtocolError,)

    def make_parser(self) -> H11Parser:
        return H11Parser(self)


# region: backend
class H11Backend(HTTP1Backend):
    """HTTP/1.1 parsed by h11. It has no options."""

    api_version = 1
    protocol_class = H11Protocol
