"""A wire format other than HTTP/1, on Connection and Exchange: frames of a letter, a size and a payload.

A connection carries one request. H is a head in JSON, D a piece of content, E the end with trailer fields in
JSON. A request whose head announces a body of 0 bytes ends with its head. Answers also use I, an interim
head, and R, which aborts the answer. A head may offer another protocol; D and E then carry that protocol.
"""

import json
from collections.abc import Sequence

from asphalt.core import Context
from werkzeug.exceptions import BadRequest

from kyoukai import AnswerHead, Backend, Exchange, ExchangeConnection, RequestHead, ServerComponent

Fields = Sequence[tuple[str, str]]


class FramedExchange(Exchange):
    """One request and its answer. Writes frames."""

    owner: "FramedConnection"

    def send_informational(self, status: str, fields: Fields) -> bool:
        self.owner.write_frame(b"I", json.dumps([int(status[:3]), list(fields)]).encode())
        return True

    def send_head(self, head: AnswerHead) -> None:
        self.owner.write_frame(b"H", json.dumps([head.code, self.answer_fields(head)]).encode())

    def send_tunnel_head(self, protocol: str, fields: Fields) -> int:
        self.owner.write_frame(b"H", json.dumps([200, list(fields)]).encode())
        return 200

    def send_data(self, data: bytes) -> None:
        self.owner.write_frame(b"D", data)

    def send_end(self, data: bytes = b"", trailers: Fields = ()) -> None:
        if data:
            self.send_data(data)
        self.owner.write_frame(b"E", json.dumps(list(trailers)).encode())

    def reset(self) -> None:
        self.owner.write_frame(b"R", b"")
        self.owner.close()

    def pause_client(self) -> None:
        self.owner.transport.pause_reading()

    def resume_client(self) -> None:
        self.owner.transport.resume_reading()

    def answered(self) -> None:
        self.owner.close_after(self)


class FramedConnection(ExchangeConnection):
    """One connection. Reads frames."""

    exchange: FramedExchange | None = None
    exchange_class = FramedExchange
    buffer = b""

    def data_received(self, data: bytes) -> None:
        if self.is_ending:
            self.discard(len(data))
            return
        if self.exchange is None:
            self.exchange = self.begin(self.exchange_class(self, self.client))
        self.buffer += data
        while len(self.buffer) >= 5 and not self.is_ending:
            end = 5 + int.from_bytes(self.buffer[1:5], "big")
            if len(self.buffer) < end:
                break
            kind, payload, self.buffer = self.buffer[:1], self.buffer[5:end], self.buffer[end:]
            self.receive_frame(self.exchange, kind, payload)

    def receive_frame(self, exchange: FramedExchange, kind: bytes, payload: bytes) -> None:
        if kind == b"D":
            exchange.receive_body(payload)
            return
        try:
            said = json.loads(payload)
        except ValueError:
            exchange.refuse(BadRequest("The frame is not JSON."))
            return
        if kind == b"H":
            fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said["fields"]]
            method, target, size = said["method"], said["target"].encode("latin-1"), said["size"]
            offers = said["offers"]  # names of protocols, or ""
            exchange.receive(RequestHead(method, target, fields=fields, body_size=size, upgrade=offers))
        elif kind == b"E":
            exchange.receive_end([(name.encode("latin-1"), value.encode("latin-1")) for name, value in said])

    def write_frame(self, kind: bytes, payload: bytes) -> None:
        self.raw_write(kind + len(payload).to_bytes(4, "big") + payload)


class FramedBackend(Backend):
    """A backend for requests and answers in frames."""

    api_version = 1
    features = frozenset({"trailers", "graceful-shutdown", "early-hints", "response-trailers", "tunnel"})
    alpn_protocols = ()
    testing_adapter = "framed_adapter:FramedAdapter"

    def create_protocol(
        self, component: ServerComponent, parent_context: Context, server_ip: str, server_port: int
    ) -> FramedConnection:
        return FramedConnection(component, parent_context, server_ip, server_port)
