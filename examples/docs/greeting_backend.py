import asyncio
from typing import Any, cast

from kyoukai import Backend, BackendOptionError


class GreetingProtocol(asyncio.Protocol):
    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        transport.write(self.greeting.encode() + b"\r\n")
        transport.close()


class GreetingBackend(Backend):
    """Speak no HTTP: greet each client and close the connection."""

    api_version = 1
    alpn_protocols = ()

    def __init__(self, *, greeting: str = "hello", **options: Any) -> None:
        super().__init__(**options)
        if not isinstance(greeting, str):
            raise BackendOptionError(f"greeting is {greeting!r}; it must be a str")
        self.greeting = greeting

    def create_protocol(
        self, component: object, parent_context: object, server_ip: str, server_port: int
    ) -> asyncio.Protocol:
        return GreetingProtocol(self.greeting)
