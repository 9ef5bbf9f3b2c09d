"""The application that answers ``/livez``, ``/readyz`` and ``/metrics``.

It is one of the lower form, so that a supervisor loads no more than it must.
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
"""Returns the type and the text of the metrics, given the field Accept."""


class Page(NamedTuple):
    """What is answered."""

    status: str
    kind: str
    content: bytes


class AdminApplication:
    """Answers for a supervisor.

    :param status: returns how that is by now.
    :param generate: ``None``: prometheus-client is not installed.
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
        :raises MethodNotAllowed: if it is neither GET nor HEAD.
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
        """Return that the supervisor lives: its loop has its turns, or nobody would answer."""
        return self._show("200 OK", "ok", exchange)

    def show_readiness(self, exchange: Exchange) -> Page:
        """Return whether clients are to be sent here."""
        status = self._status()
        return self._show(
            "200 OK" if status.is_ready else "503 Service Unavailable", status.reason or "ok", exchange
        )

    def show_metrics(self, exchange: Exchange) -> Page:
        """Return the metrics.

        :raises NotImplemented: if prometheus-client is not installed.
        """
        if self._generate is None:
            raise exceptions.NotImplemented(NO_METRICS)
        return Page("200 OK", *self._generate(exchange.head.accept))

    def _show(self, answer: str, text: str, exchange: Exchange) -> Page:
        """Return a word, or with ``?verbose`` all of the status, as JSON where that is asked for."""
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
