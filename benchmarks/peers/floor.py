"""The floor: httptools and uvloop, and for each target one answer that is ready.

``python -m benchmarks.peers.floor PORT [CERTIFICATE KEY]``. It is no server that anybody would run: it
knows no timeouts, no limits and no backpressure. It says what is left when all of that is left out.
"""

import asyncio
import json
import ssl
import sys

import httptools
import uvloop

from benchmarks import content


def answer(content_type: str, body: bytes) -> bytes:
    """Return a whole answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def chunked(content_type: str, parts: tuple[bytes, ...]) -> bytes:
    """Return a whole answer in chunks."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b"")]
    return head.encode() + b"".join(chunks)


ANSWERS = {
    b"/": answer(content.TEXT_TYPE, content.TEXT),
    b"/json": answer(content.JSON_TYPE, content.dumps(content.DOCUMENT)),
    b"/users/ada/posts/42": answer(content.TEXT_TYPE, content.post("ada", 42).encode()),
    b"/orders": answer(content.JSON_TYPE, content.dumps(content.receipt(json.loads(content.ORDER)))),
    b"/upload": answer(content.TEXT_TYPE, str(len(content.UPLOAD)).encode()),
    b"/download": answer(content.BINARY_TYPE, content.BINARY),
    b"/stream": chunked(content.BINARY_TYPE, content.PARTS),
    b"/file": answer(content.BINARY_TYPE, content.BINARY),
}

CLOSING = {
    target: answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) for target, answer in ANSWERS.items()
}


class Floor(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        # Nothing between the transport and the parser.
        self.data_received = self.parser.feed_data  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]

    def on_url(self, url: bytes) -> None:
        """Keep what is asked for."""
        self.url = url

    def on_message_complete(self) -> None:
        """Answer."""
        if self.parser.should_keep_alive():
            self.transport.write(ANSWERS[self.url])
        else:
            self.transport.write(CLOSING[self.url])
            self.transport.close()


async def serve() -> None:
    """Serve until the process is ended."""
    port, *pair = sys.argv[1:]
    context = None
    if pair:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*pair)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Floor, "127.0.0.1", int(port), ssl=context, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
