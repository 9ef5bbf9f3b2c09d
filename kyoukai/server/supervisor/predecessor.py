"""The supervisor whose place this one takes, and what it has."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from click import ClickException

from kyoukai.core.errors import KyoukaiError
from kyoukai.server.handed import Handed
from kyoukai.server.supervisor.channel import Channel, Message, inherited
from kyoukai.server.supervisor.handover import (
    VARIABLE,
    VERSION,
    HandoverError,
    complete,
    read_columns,
    receive,
)

SOCKET_VARIABLES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
"""What systemd says of descriptors that it has passed to the first supervisor."""


class Predecessor:
    """The supervisor whose place this one takes.

    :param channel: to it.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.serves = True
        """Whether it serves still."""
        self.has_ended = False
        self.pid = 0
        self.listening = Handed([])
        """Its sockets that listen."""
        self.admin = Handed([])
        """Those of its admin server."""
        self._is_told = False

    def read_estate(self) -> None:
        """Read what it has.

        :raises HandoverError: if it does not say so, or speaks another language.
        """
        estate = receive(self._channel)
        if estate.kind != "estate" or estate.values["version"] != VERSION:
            raise HandoverError("this version cannot take the place of that one; restart the server")
        self.pid = estate.values["pid"]
        self.listening = Handed(read_columns(estate.values["listening"], estate.descriptors))
        self.admin = Handed(read_columns(estate.values["admin"], estate.descriptors))

    def report_ready(self, kept: Sequence[str], path: str | None) -> None:
        """Say that everything has started.

        :param kept: the names of the sockets that this supervisor goes on with.
        :param path: of the file that names its process; ``None``: there is none.
        """
        self._channel.send("ready", kept=[*kept], pid_file=path)

    def report_failure(self, why: str) -> None:
        """Say why this supervisor does not start. What was said first counts."""
        if not self._is_told:
            self._is_told = True
            self._channel.send("failed", why=why)

    def close(self) -> None:
        """Say and hear nothing more."""
        self._channel.close()
        self.listening.close()
        self.admin.close()

    def begin(self, take: Callable[[Message | None], None]) -> None:
        """Have its messages taken in the loop; ``None`` is its end."""

        def read() -> None:
            while True:
                try:
                    message = self._channel.receive()
                    if message is None:
                        return
                    take(complete(self._channel, message))
                except (EOFError, HandoverError):
                    loop.remove_reader(self._channel.fileno())
                    self._channel.close()
                    take(None)
                    return

        loop = asyncio.get_running_loop()
        loop.add_reader(self._channel.fileno(), read)


_predecessor: Predecessor | None = None


def predecessor() -> Predecessor | None:
    """Return the supervisor whose place this one takes; ``None`` if there is none."""
    global _predecessor
    if _predecessor is None and (channel := inherited(VARIABLE)) is not None:
        _predecessor = Predecessor(channel)
    return _predecessor


@contextlib.contextmanager
def reporting_failure() -> Iterator[None]:
    """Tell the supervisor from before, if there is one, of an error of the block."""
    before = predecessor()
    try:
        yield
    except (ClickException, KyoukaiError) as error:
        if before is not None:
            before.report_failure(error.format_message() if isinstance(error, ClickException) else str(error))
        raise


def adopt_environment(pid: int, environ: Any = os.environ) -> None:
    """Make what a service manager has told the supervisor from before this one's.

    :param pid: of the one from before.
    """
    for name in SOCKET_VARIABLES:
        environ.pop(name, None)
    if environ.get("WATCHDOG_PID") == str(pid):
        environ["WATCHDOG_PID"] = str(os.getpid())
