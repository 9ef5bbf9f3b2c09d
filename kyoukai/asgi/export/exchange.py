"""An HTTP request of an ASGI server, and its answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kyoukai.core.exchange.trailers import keeps_trailers
from kyoukai.core.exchange.upgrades import offers_websocket
from kyoukai.core.features import Feature
from kyoukai.core.semantics.answer_head import AnswerHead

from .answer_heads import encode_head
from .called import CalledExchange
from .files import file_event
from .outbox import HIGH_WATER, Event
from .scopes import head_key, is_small, read_head
from .wire import TRAILERS, Wire

Pairs = Sequence[tuple[str, str]]

LARGE_SIZE: Final = 1024 * 1024
"""The most bytes of a body in memory that one event carries."""


class ASGIExchange(CalledExchange):
    """One request and its answer. The parameters are those of every call."""

    __slots__ = ("has_trailers", "is_ended")

    whole_size = LARGE_SIZE

    def __init__(self, owner: Wire, scope: Mapping[str, Any]) -> None:
        super().__init__(owner, scope)
        self.has_trailers = False
        """Whether the server expects trailer fields after the content."""
        self.is_ended = False
        """Whether the server already has the end of the answer."""

    @property
    def features(self) -> frozenset[str]:
        """The features of the wire.

        A WebSocket has a scope of its own, unless the server does not support WebSockets.
        """
        asks = any(
            name == b"upgrade" and offers_websocket(value.decode("latin-1"))
            for name, value in self.head.fields
        )
        return super().features if asks else super().features | {Feature.TUNNEL}

    def receive_scope(self) -> None:
        """Read the head of the request."""
        heads, key = self.owner.heads, head_key(self.scope)
        known = heads.get(key)
        if known is not None:
            self.head = known
            self.awaits_continue = known.expects_continue
            if known.body_size == 0:
                self.begin()
            else:
                self.receive_announced()
            return
        sent = read_head(self.scope)
        self.awaits_continue = sent.expects_continue
        self.receive(sent)
        if self.head.is_accepted and self.error is None and heads.is_wanted(key) and is_small(sent):
            heads.keep(key, self.head)

    def take_event(self, event: Event) -> bool:
        """Handle an event of the server, and return whether more may follow."""
        kind = event["type"]
        if kind == "http.request":
            data = event.get("body") or b""
            if data:
                self.receive_body(data if type(data) is bytes else bytes(data))
            if not event.get("more_body", False):
                self.receive_end()
        elif kind == "http.disconnect":
            if not self.is_answered:
                self.lose()
            return False
        return True

    # Writing

    def send_informational(self, status: str, fields: Pairs) -> bool:
        """Send an early hint. ASGI supports links only."""
        links = [value.encode("latin-1") for name, value in fields if name.lower() == "link"]
        if links:
            self.outbox.put({"type": "http.response.early_hint", "links": links})
        return bool(links)

    def send_head(self, head: AnswerHead) -> None:
        """Send the head of the answer."""
        event = self.make_start(head)
        if head.has_content and head.size is None and TRAILERS in self.owner.extensions:
            # Announce here that trailers may follow.
            self.has_trailers = keeps_trailers(self.head.environ, self.owner.features)
            event["trailers"] = self.has_trailers
        self.outbox.put(event)

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        """Send a whole answer from memory."""
        self.outbox.put(self.make_start(head))
        self.outbox.put({"type": "http.response.body", "body": content, "more_body": False})

    def make_start(self, head: AnswerHead) -> Event:
        """Return the ``http.response.start`` event. The server adds Date and Server."""
        # A middleware may change the list.
        headers = list(encode_head(head, self.head.version))
        return {"type": "http.response.start", "status": head.code, "headers": headers}

    def send_data(self, data: bytes) -> None:
        """Send a piece of the content."""
        self.outbox.put({"type": "http.response.body", "body": data, "more_body": True}, len(data))

    def send_end(self, data: bytes = b"", trailers: Pairs = ()) -> None:
        """Send the last piece, and the trailer fields if the server expects them."""
        if self.is_ended:
            return
        self.outbox.put({"type": "http.response.body", "body": data, "more_body": False}, len(data))
        if self.has_trailers:
            headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in trailers]
            self.outbox.put({"type": "http.response.trailers", "headers": headers, "more_trailers": False})

    async def send_file(self, file: Any, size: int, offset: int) -> bool:
        """Let the server send a file, if it can. Wait until it has, since the file is closed then."""
        event = file_event(file, size, offset, self.owner.extensions)
        if event is None or ("path" in event and self.sent):
            return False
        self.is_ended = "path" in event
        self.outbox.put(event, HIGH_WATER)
        await self.client.wait_room()
        self.sent += size
        return True
