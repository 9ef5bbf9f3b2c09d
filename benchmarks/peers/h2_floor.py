"""The floor of HTTP/2: the library h2 and uvloop, and for each target one answer that is ready.

``python -m benchmarks.peers.h2_floor PORT``. It is no server that anybody would run: it knows no timeouts, no
limits and no backpressure. It says what is left when all of that is left out.
"""

import asyncio
import sys

import uvloop
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, WindowUpdated

from benchmarks import content

Fields = list[tuple[bytes, bytes]]


def answer(content_type: str, body: bytes) -> tuple[Fields, bytes]:
    """Return a whole answer."""
    length = b"%d" % len(body)
    return [
        (b":status", b"200"),
        (b"content-type", content_type.encode()),
        (b"content-length", length),
    ], body


ANSWERS = {
    b"/": answer(content.TEXT_TYPE, content.TEXT),
    b"/upload": answer(content.TEXT_TYPE, str(len(content.UPLOAD)).encode()),
    b"/download": answer(content.BINARY_TYPE, content.BINARY),
}


class Floor(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.targets: dict[int, bytes] = {}
        self.unsent: dict[int, memoryview] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and begin."""
        self.transport = transport  # type: ignore[assignment]
        self.h2.initiate_connection()
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Answer what is whole, and send what the windows allow."""
        for event in self.h2.receive_data(data):
            if isinstance(event, RequestReceived):
                self.targets[event.stream_id] = dict(event.headers)[b":path"]
            elif isinstance(event, DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                fields, body = ANSWERS[self.targets.pop(event.stream_id)]
                self.h2.send_headers(event.stream_id, fields)
                self.send(event.stream_id, memoryview(body))
            elif isinstance(event, WindowUpdated):
                for stream_id in (event.stream_id,) if event.stream_id else tuple(self.unsent):
                    if stream_id in self.unsent:
                        self.send(stream_id, self.unsent.pop(stream_id))
        self.transport.write(self.h2.data_to_send())

    def send(self, stream_id: int, body: memoryview) -> None:
        """Send a body, and keep what the windows do not allow."""
        while body:
            size = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            if size <= 0:
                self.unsent[stream_id] = body
                return
            self.h2.send_data(stream_id, bytes(body[:size]), end_stream=size >= len(body))
            body = body[size:]


async def serve() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(
        Floor, "127.0.0.1", int(sys.argv[1]), backlog=2048
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
