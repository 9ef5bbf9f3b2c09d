"""Report the server's state to a service manager, by the protocol of sd_notify(3).

Each message is a datagram of lines, sent to the Unix socket in ``NOTIFY_SOCKET``. If the variable is not set,
no message is sent.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

from asphalt.core import Context

logger: Final = logging.getLogger("kyoukai.server")


class ServiceManager:
    """The service manager, if there is one.

    :param environ: the environment of this process.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is in the abstract namespace, where the first byte is NUL.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self.watchdog = read_watchdog(environ)
        """Seconds between two watchdog messages; 0: none are expected."""

    @property
    def is_there(self) -> bool:
        """Whether there is a service manager."""
        return bool(self._address)

    def tell(self, wait: float = 0.0, /, **fields: str | int) -> bool:
        """Send one message. Failures are logged at DEBUG: a missing manager must not end the server.

        :param wait: seconds to wait while the manager's socket is full.
        :param fields: names and values of the protocol, in lower case: ``ready=1``.
        :return: ``False`` if the manager exists and did not take the message in time.
        """
        if not self.is_there:
            return True
        text = "\n".join(f"{name.upper()}={value}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(wait)
                sock.sendto(text.encode(), self._address)
        except (BlockingIOError, TimeoutError):
            logger.debug("a message to the service manager was lost: its socket is full")
            return False
        except OSError as error:
            logger.debug("a message to the service manager was lost: %s", error.strerror)
        return True

    def reloading(self) -> None:
        """Report the beginning of a reload; ``ready=1`` reports its end."""
        # The manager requires the time of the monotonic clock, which both processes share.
        self.tell(reloading=1, monotonic_usec=time.monotonic_ns() // 1000)


def tell_of_one_process(ctx: Context) -> None:
    """Report that this process serves, send watchdog messages, and report the stop.

    The stop is reported at the end of the context. A blocked loop sends no watchdog messages.

    :param ctx: the context of the server.
    """
    manager = ServiceManager()
    loop = asyncio.get_running_loop()

    def live() -> None:
        manager.tell(watchdog=1)
        # The stop takes time too: watchdog messages continue until the loop ends.
        loop.call_later(manager.watchdog, live)

    manager.tell(ready=1)
    ctx.add_teardown_callback(lambda: manager.tell(stopping=1))
    if manager.watchdog and manager.is_there:
        live()


def read_watchdog(environ: Mapping[str, str]) -> float:
    """Return the seconds between two watchdog messages.

    This is half of the manager's timeout, as sd_notify(3) recommends.

    :return: 0 if no messages are expected, or if they are expected from another process.
    """
    try:
        if int(environ.get("WATCHDOG_PID", os.getpid())) != os.getpid():
            return 0.0
        return max(0, int(environ.get("WATCHDOG_USEC", "0"))) / 2_000_000
    except ValueError:
        return 0.0
