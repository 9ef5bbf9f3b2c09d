"""Telling a service manager how the server is: the protocol of sd_notify(3).

It is a datagram of lines to the Unix socket that ``NOTIFY_SOCKET`` names. Where the variable is not set,
nobody is told.
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
    """Who is told, if anybody.

    :param environ: the environment of this process.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is of the abstract namespace, which the system writes with a NUL.
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        self.watchdog = read_watchdog(environ)
        """Seconds between two signs of life; 0: none are wanted."""

    @property
    def is_there(self) -> bool:
        """Whether there is anybody to be told."""
        return bool(self._address)

    def tell(self, wait: float = 0.0, /, **fields: str | int) -> bool:
        """Send one message. What fails is logged at DEBUG: a manager that is gone must not end the server.

        :param wait: seconds to wait for one that has much to read.
        :param fields: names and values of the protocol, in lower case: ``ready=1``.
        :return: ``False`` if the manager is there, and has not taken it in time.
        """
        if not self.is_there:
            return True
        text = "\n".join(f"{name.upper()}={value}" for name, value in fields.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.settimeout(wait)
                sock.sendto(text.encode(), self._address)
        except (BlockingIOError, TimeoutError):
            logger.debug("the service manager has not been told: it has too much to read")
            return False
        except OSError as error:
            logger.debug("the service manager cannot be told: %s", error.strerror)
        return True

    def reloading(self) -> None:
        """Say that a reload begins; ``ready=1`` says that it is over."""
        # The manager compares it with its own clock, the same one.
        self.tell(reloading=1, monotonic_usec=time.monotonic_ns() // 1000)


def tell_of_one_process(ctx: Context) -> None:
    """Say that this process serves; at the end of the context, that it stops; and in between that it lives.

    :param ctx: the context of what serves. A loop that stands still gives no signs of life.
    """
    manager = ServiceManager()
    loop = asyncio.get_running_loop()

    def live() -> None:
        manager.tell(watchdog=1)
        # The end of what is under way takes time too: only that of the loop ends it.
        loop.call_later(manager.watchdog, live)

    manager.tell(ready=1)
    ctx.add_teardown_callback(lambda: manager.tell(stopping=1))
    if manager.watchdog and manager.is_there:
        live()


def read_watchdog(environ: Mapping[str, str]) -> float:
    """Return the seconds between two signs of life: half of what the manager waits, as sd_notify(3) has it.

    :return: 0 where none are wanted, or they are wanted of another process.
    """
    try:
        if int(environ.get("WATCHDOG_PID", os.getpid())) != os.getpid():
            return 0.0
        return max(0, int(environ.get("WATCHDOG_USEC", "0"))) / 2_000_000
    except ValueError:
        return 0.0
