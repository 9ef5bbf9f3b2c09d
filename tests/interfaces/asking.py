"""A client that notes everything of an answer but what servers may have otherwise."""

import contextlib
import re
import time
import zlib
from typing import Any

from ..serving import PATIENCE, Client, message
from ..websocket.frames import CLOSE, receive_frame
from .http2_tunnel import HTTP2Tunnel
from .requests import Ask, Talk

NOT_COMPARED = {
    "date",
    "expires",
    "server",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "sec-websocket-accept",
}
"""Fields that say when an answer was made and by whom, or how the connection is used."""

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)

Seen = dict[str, Any]


ECHO = "/ws/echo"

ENDED = "/seen/closed"
"""Where an application tells how the last WebSocket of that path has ended."""


class Asker(Client):
    """A connection whose answers are noted with all of their fields."""

    interim: int = 0

    def receive_pairs(self) -> tuple[int, list[list[str]]]:
        """Return the status and the fields of the next head."""
        status_line, *lines = self.receive_until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        return int(status_line.split(" ")[1]), [[name.lower(), value.strip()] for name, _, value in pairs]

    def note(self, method: str, *, is_piece: bool = False) -> Seen:
        """Return the next answer, and the interim ones before it.

        :param is_piece: whether only the first bytes of the content are waited for.
        """
        seen: Seen = {}
        status, pairs = self.receive_pairs()
        while status < 200 and status != 101:
            seen.setdefault("interim", []).append([status, compared(pairs)])
            status, pairs = self.receive_pairs()
        seen |= {"status": status, "fields": compared(pairs)}
        fields = dict(map(tuple, pairs))  # type: ignore[arg-type]
        if is_piece:
            self.receive_exactly(1)
            return seen
        body, seen["ends"] = self._receive_content(method, status, fields, seen)
        seen["body"] = told(without_boundary(fields, body))
        if "boundary=" in fields.get("content-type", ""):
            seen["fields"] = [[name, value.partition("boundary=")[0]] for name, value in seen["fields"]]
        return seen

    def _receive_content(
        self, method: str, status: int, fields: dict[str, str], seen: Seen
    ) -> tuple[bytes, str]:
        if method == "HEAD" or status in (101, 204, 304):
            return b"", "whole"
        pieces: list[bytes] = []
        try:
            if fields.get("transfer-encoding") == "chunked":
                while size := int(self.receive_until(b"\r\n"), 16):
                    pieces.append(self.receive_exactly(size))
                    self.receive_exactly(2)
                while (line := self.receive_until(b"\r\n")) != b"\r\n":
                    seen.setdefault("trailers", []).append(line.decode().strip().lower())
            elif "content-length" in fields:
                self._receive_exactly_into(pieces, int(fields["content-length"]))
            else:
                self._receive_rest_into(pieces)
        except (EOFError, ConnectionResetError):
            return b"".join([*pieces, self.buffer]), "cut"
        return b"".join(pieces), "whole"

    def _receive_exactly_into(self, pieces: list[bytes], size: int) -> None:
        while size:
            data, self.buffer = self.buffer[:size] or self.socket.recv(65536)[:size], self.buffer[size:]
            if not data:
                raise EOFError
            pieces.append(data)
            size -= len(data)

    def _receive_rest_into(self, pieces: list[bytes]) -> None:
        pieces.append(self.buffer)
        self.buffer = b""
        while data := self.socket.recv(65536):
            pieces.append(data)


def compared(pairs: list[list[str]]) -> list[list[str]]:
    """Return the fields that are compared, by name; those of one name keep their order."""
    return sorted(([n, v] for n, v in pairs if n not in NOT_COMPARED), key=lambda pair: pair[0])


def without_boundary(fields: dict[str, str], body: bytes) -> bytes:
    """Return a body of several parts without what separates them, which is made up anew each time."""
    found = re.search("boundary=(.*)", fields.get("content-type", ""))
    return body.replace(found[1].strip('"').encode(), b"BOUNDARY") if found else body


def told(body: bytes) -> str:
    """Return a body, or of a large one its size and checksum."""
    return body.decode("latin-1") if len(body) < 2000 else f"{len(body)} bytes, {zlib.crc32(body):08x}"


class Server:
    """The address of a server, by one wire.

    :param port: that of 127.0.0.1 which is listened on.
    :param by_http2: whether it is asked by HTTP/2, with prior knowledge.
    """

    def __init__(self, port: int, *, by_http2: bool = False) -> None:
        self.port = port
        self.by_http2 = by_http2

    def connect(self) -> Asker:
        """Open a connection."""
        return Asker(("127.0.0.1", self.port), by_http2=self.by_http2)

    def answer(self, row: Ask | Talk) -> Seen:
        """Return what comes of a row of the table."""
        if isinstance(row, Talk):
            seen = self._talk(row)
            if row.path == ECHO and not row.after and seen["status"] == "accepted":
                # Its handler must not note its end once that of the next row has begun.
                self._poll(ENDED)
        else:
            seen = self._ask(row)
        for path in row.after if seen.get("status") in (200, "accepted") else ():
            seen[path] = self._poll(path)
        return seen

    def _poll(self, path: str) -> Seen:
        end = time.monotonic() + PATIENCE
        while True:
            with self.connect() as client:
                client.send(message("GET", path))
                seen = client.note("GET")
            if seen["body"].strip() != "null" or time.monotonic() > end:
                return seen

    def _ask(self, row: Ask) -> Seen:
        answers: list[Seen] = []
        with self.connect() as client:
            for data in row.sent:
                # A server may answer, and close, before it has all of a large request.
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    client.send(data)
                try:
                    if row.waits:
                        first, _ = client.receive_pairs()
                        client.send(row.waits)
                        answers.append({"first": first})
                    answers.append(client.note(row.method, is_piece=row.leaves))
                except (EOFError, ConnectionResetError):
                    answers.append({"ends": "without an answer"})
                except ValueError:
                    # gunicorn has such: "HTTP/1.1 None".
                    answers.append({"ends": "without a status"})
        return answers[0] if len(answers) == 1 else {"answers": answers}

    def _talk(self, row: Talk) -> Seen:
        if self.by_http2:
            return self._talk_by_http2(row)
        with self.connect() as client:
            client.send(message("GET", row.path, *HANDSHAKE, *row.fields))
            seen = client.note("GET")
            if seen["status"] != 101:
                return seen
            seen = {"status": "accepted", "fields": seen["fields"]}
            seen["frames"] = exchange_frames(client, row.steps)
        return seen

    def _talk_by_http2(self, row: Talk) -> Seen:
        with HTTP2Tunnel(self.port, row.path, (*HANDSHAKE[2:3], *row.fields)) as tunnel:
            seen: Seen = {"status": tunnel.status, "fields": compared(tunnel.pairs)}
            if tunnel.status != 200:
                return {**seen, "body": told(tunnel.receive_rest()), "ends": "whole"}
            seen["status"] = "accepted"
            seen["frames"] = exchange_frames(tunnel, row.steps)
        return seen


def exchange_frames(client: Client | HTTP2Tunnel, steps: tuple[bytes | int, ...]) -> list[list[Any]]:
    """Take steps, and return the frames of the server, to its last; if there are no steps, leave."""
    found: list[list[Any]] = []
    with contextlib.suppress(EOFError, ConnectionResetError, BrokenPipeError):
        for step in steps:
            if isinstance(step, bytes):
                client.send(step)
            else:
                found += [receive(client) for _ in range(step)]
        while steps and (not found or found[-1][0] != CLOSE):
            found.append(receive(client))
    return found


def receive(client: Client | HTTP2Tunnel) -> list[Any]:
    """Return the next frame of the server."""
    read = receive_frame(client.receive_exactly)
    return [read.opcode, read.fin, told(read.payload)]
