"""The application that answers ``/livez``, ``/readyz`` and ``/metrics``.

It uses the low-level form ``process_exchange``, so that a supervisor imports as little as possible.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from werkzeug import exceptions

from kyoukai.core.applications.exchange_calls import send_answer
from kyoukai.core.exchange.exchange import Exchange

from .status import Status

METHODS: Final = ("GET", "HEAD")

NO_METRICS: Final = "prometheus-client is not installed; pip install 'kyoukai[metrics]'"

Generate = Callable[[str], tuple[str, bytes]]
"""Returns the content type and the text of the metrics for a value of the field Accept."""


class Page(NamedTuple):
    """A response."""

    status: str
    kind: str
    content: bytes


class AdminApplication:
    """The admin application of a supervisor.

    :param status: returns the supervisor's current status.
    :param generate: renders the metrics; ``None``: prometheus-client is not installed.
    """

    def __init__(self, status: Callable[[], Status], generate: Generate | None = None) -> None:
        self._status = status
        self._generate = generate
        self._pages: dict[str, Callable[[Exchange], Page]] = {
            "/livez": self.show_life,
            "/readyz": self.show_readiness,
            "/metrics": self.show_metrics,
        }

    async def process_exchange(self, exchange: Exchange, parent_context: Any) -> None:
        """Answer one request.

        :raises NotFound: if there is no such page.
        :raises MethodNotAllowed: if the method is neither GET nor HEAD.
        """
        head = exchange.head
        show = self._pages.get(head.path)
        if show is None:
            raise exceptions.NotFound(f"There are {', '.join(self._pages)}.")
        if head.method not in METHODS:
            raise exceptions.MethodNotAllowed(METHODS)
        page = show(exchange)
        fields = [("Content-Type", page.kind), ("Cache-Control", "no-store")]
        await send_answer(exchange, page.status, fields, page.content)

    def show_life(self, exchange: Exchange) -> Page:
        """Answer that the supervisor is alive: if its loop were blocked, there would be no answer."""
        return self._show("200 OK", "ok", exchange)

    def show_readiness(self, exchange: Exchange) -> Page:
        """Answer whether clients should be sent here."""
        status = self._status()
        return self._show(
            "200 OK" if status.is_ready else "503 Service Unavailable", status.reason or "ok", exchange
        )

    def show_metrics(self, exchange: Exchange) -> Page:
        """Answer with the metrics.

        :raises NotImplemented: if prometheus-client is not installed.
        """
        if self._generate is None:
            raise exceptions.NotImplemented(NO_METRICS)
        return Page("200 OK", *self._generate(exchange.head.accept))

    def _show(self, answer: str, text: str, exchange: Exchange) -> Page:
        """Answer with a word or, for ``?verbose``, with the whole status, as JSON on request."""
        wants_json = "application/json" in exchange.head.accept
        values = self._status().describe()
        if exchange.head.query.partition("=")[0] != "verbose":
            values = {"status": text}
        if wants_json:
            return Page(answer, "application/json", f"{json.dumps(values)}\n".encode())
        lines = [
            text,
            *(f"{name}: {json.dumps(value)}" for name, value in values.items() if name != "status"),
        ]
        return Page(answer, "text/plain; charset=utf-8", "".join(f"{line}\n" for line in lines).encode())
