"""Warnings about refused requests: each kind at once, and then at most once a minute with a count."""

import logging
from typing import Any, Final

from werkzeug.exceptions import HTTPException, InternalServerError

from ..errors import identifier_of

logger: Final = logging.getLogger("kyoukai.refusals")

INTERVAL: Final = 60.0
"""Seconds between two warnings about refusals of one kind."""

UNKNOWN: Final = "an unknown client"

MORE: Final = "%d more in %.0f s, the last one from %s"

NOT_WARNED: Final = frozenset({"websocket-not-accepted", "websocket-not-served"})
"""By the first, an application turns a client away on purpose. The second has warnings of its own."""


class Told:
    """What the log has been told of one kind of refusal."""

    __slots__ = ("client", "count", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        """When it was last warned about, by :attr:`Server.clock`."""
        self.count = 0
        """Refusals since then."""
        self.client: str | None = None
        """The client of the last one."""


class RefusalLog:
    """Warns about the refusals of one server.

    Times are seconds by :attr:`Server.clock`.
    """

    def __init__(self) -> None:
        self._told: dict[str, Told] = {}

    def note(self, identifier: str, client: str | None, now: float) -> None:
        """Warn about the first refusal of its kind, and count those that follow within a minute.

        :param identifier: of the table of refusals; nothing is logged for another one.
        :param client: the client's address, if it is known.
        """
        told = self._told.get(identifier)
        if told is None:
            if _warn(identifier, "From %s", client or UNKNOWN):
                self._told[identifier] = Told(now)
            return
        told.count += 1
        told.client = client
        self._tell(identifier, told, now)

    def sweep(self, now: float) -> None:
        """Warn about each kind that was refused again, once a minute has passed."""
        for identifier, told in self._told.items():
            self._tell(identifier, told, now)

    def flush(self, now: float) -> None:
        """Warn about all that was counted; a stop calls it."""
        for identifier, told in self._told.items():
            self._tell(identifier, told, now, interval=0.0)

    def _tell(self, identifier: str, told: Told, now: float, interval: float = INTERVAL) -> None:
        seconds = now - told.since
        if told.count and seconds >= interval:
            _warn(identifier, MORE, told.count, seconds, told.client or UNKNOWN)
            told.since, told.count = now, 0


def _warn(identifier: str, how: str, *args: object) -> bool:
    """Log a refusal, with the command and the page that explain it. Return whether the table has it.

    :param how: a format string for ``args``: how often the refusal occurred, and the client's address.
    """
    # The table is imported when the first request is refused.
    from ..refusals.table import TABLE

    entry = TABLE.get(identifier)
    if entry is None:
        return False
    status = f" with {entry.status}" if entry.status else ""
    text = "refused%s: %s: %s " + how + ". Run 'kyoukai explain %s', or read \"Refusals\" in the reference"
    logger.warning(text, status, identifier, entry.sentence, *args, identifier)
    return True


def note_answer(error: HTTPException, environ: dict[str, Any]) -> None:
    """Note a refusal that an application answers with, and after which the connection goes on.

    A 500 is none: it is logged as an error, each time.

    :param environ: of the request.
    """
    identifier = identifier_of(error)
    if not identifier or identifier in NOT_WARNED or isinstance(error, InternalServerError):
        return
    server: Any = getattr(environ.get("kyoukai.protocol"), "server", None)
    if server is not None:
        server.refusals.note(identifier, environ.get("REMOTE_ADDR"), server.clock)
