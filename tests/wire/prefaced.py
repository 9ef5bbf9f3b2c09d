"""Backends whose connections begin with a preface, as third parties write them, and a client for them."""

import json
import sys
from pathlib import Path
from typing import Any

from asphalt.core import Context

from kyoukai import Feature, ServerComponent

from ..serving import Client

sys.path.append(str(Path(__file__).parents[2] / "examples" / "docs"))

from framed_adapter import frames, head_frame
from framed_backend import FramedBackend, FramedConnection, FramedExchange

__all__ = ("FramedExchange",)

PREFACE = b"PRISM * 1\r\n\r\n"
"""It begins as a POST and as HTTP/2 do, and is no request of HTTP/1."""

PRISM = "tests.wire.prefaced:PrismBackend"
OTHER = "tests.wire.prefaced:OtherBackend"
BROKEN = "tests.wire.prefaced:BrokenBackend"


class PrefacedConnection(FramedConnection):
    """A connection in frames, behind a preface."""

    preface = PREFACE
    missing = PREFACE

    def data_received(self, data: bytes) -> None:
        """Take the preface, and then frames."""
        while self.missing and data:
            if data[:1] != self.missing[:1]:
                self.abort()
                return
            self.missing, data = self.missing[1:], data[1:]
        if data:
            super().data_received(data)


class PrismBackend(FramedBackend):
    """Requests and answers in frames, behind a preface.

    :param colours: how many there are.
    """

    features = FramedBackend.features - {Feature.EARLY_HINTS}
    alpn_protocols = ("prism", "prism-2")
    preface = PREFACE

    def __init__(self, *, colours: int = 7, **options: Any) -> None:
        super().__init__(**options)
        self.colours = colours

    def create_protocol(
        self, component: ServerComponent, parent_context: Context, server_ip: str, server_port: int
    ) -> PrefacedConnection:
        """Return a connection."""
        return PrefacedConnection(component, parent_context, server_ip, server_port)


class OtherBackend(PrismBackend):
    """The same, behind another preface."""

    alpn_protocols = ("other",)
    preface = b"OTHER\r\n"

    def create_protocol(self, *args: Any) -> PrefacedConnection:
        """Return a connection."""
        connection = super().create_protocol(*args)
        connection.missing = self.preface
        return connection


class SamePrefaceBackend(PrismBackend):
    """The same, which a client of TLS can agree on by itself."""

    alpn_protocols = ("same",)


class BrokenBackend(PrismBackend):
    """The same, and no connection can be made."""

    def create_protocol(self, *args: Any) -> PrefacedConnection:
        """Raise."""
        raise RuntimeError("no connection today")


def framed_request(target: str = "/", preface: bytes = PREFACE) -> bytes:
    """Return a preface and a request in frames. Without a body, the head is the end of the request."""
    return preface + head_frame("GET", target, [("Host", "localhost")], 0)


def receive_framed(client: Client) -> tuple[int, dict[str, str], bytes]:
    """Return status, fields and content of the one answer of a connection."""
    status, fields, content = 0, {}, b""
    for kind, payload, _ in frames(client.receive_rest()):
        if kind == b"H":
            status, pairs = json.loads(payload)
            fields = {name.lower(): value for name, value in pairs}
        elif kind == b"D":
            content += payload
    return status, fields, content


def ask(client: Client, target: str = "/", preface: bytes = PREFACE) -> bytes:
    """Ask in frames, and return the content of the answer."""
    client.send(framed_request(target, preface))
    return receive_framed(client)[2]
