"""The old supervisor in an upgrade, as the new one sees it."""

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
"""Environment variables in which systemd describes the descriptors that it passed to the first supervisor."""


class Predecessor:
    """The old supervisor, which this one replaces.

    :param channel: the channel to it.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.serves = True
        """Whether it still serves."""
        self.has_ended = False
        self.pid = 0
        self.listening = Handed([])
        """Its listening sockets."""
        self.admin = Handed([])
        """The listening sockets of its admin server."""
        self._is_told = False

    def read_estate(self) -> None:
        """Read the message with its sockets and its process ID.

        :raises HandoverError: if the message does not arrive or has another version.
        """
        estate = receive(self._channel)
        if estate.kind != "estate" or estate.values["version"] != VERSION:
            raise HandoverError(
                "this version of Kyoukai cannot take over from the running one; restart the server"
            )
        self.pid = estate.values["pid"]
        self.listening = Handed(read_columns(estate.values["listening"], estate.descriptors))
        self.admin = Handed(read_columns(estate.values["admin"], estate.descriptors))

    def report_ready(self, kept: Sequence[str], path: str | None) -> None:
        """Report that all workers of this supervisor have started.

        :param kept: names of the sockets that stay in use.
        :param path: path of this supervisor's PID file; ``None``: no file.
        """
        self._channel.send("ready", kept=[*kept], pid_file=path)

    def report_failure(self, why: str) -> None:
        """Report why this supervisor does not start. Only the first report counts."""
        if not self._is_told:
            self._is_told = True
            self._channel.send("failed", why=why)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
        self.listening.close()
        self.admin.close()

    def begin(self, take: Callable[[Message | None], None]) -> None:
        """Read its messages in the event loop.

        :param take: called with each message, and with ``None`` at the end of file.
        """

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
    """Return the supervisor that this one replaces; ``None`` if this one starts afresh."""
    global _predecessor
    if _predecessor is None and (channel := inherited(VARIABLE)) is not None:
        _predecessor = Predecessor(channel)
    return _predecessor


@contextlib.contextmanager
def reporting_failure() -> Iterator[None]:
    """Report an error of the block to the old supervisor, if there is one."""
    before = predecessor()
    try:
        yield
    except (ClickException, KyoukaiError) as error:
        if before is not None:
            before.report_failure(error.format_message() if isinstance(error, ClickException) else str(error))
        raise


def adopt_environment(pid: int, environ: Any = os.environ) -> None:
    """Change the environment variables that a service manager addressed to the old process to name this one.

    :param pid: the old supervisor's process ID.
    """
    for name in SOCKET_VARIABLES:
        environ.pop(name, None)
    if environ.get("WATCHDOG_PID") == str(pid):
        environ["WATCHDOG_PID"] = str(os.getpid())
