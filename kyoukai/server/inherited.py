"""Sockets that another process opened: systemd, or a supervisor.

systemd passes descriptors from 3 on. Environment variables contain the process they are for, their number and
their names: sd_listen_fds(3).
"""

import errno
import os
import socket
from collections.abc import Mapping
from typing import Final

from kyoukai.core.errors import ListenError
from kyoukai.server.listener import BaseListener
from kyoukai.server.sockets import inherit

FIRST_DESCRIPTOR: Final = 3
"""SD_LISTEN_FDS_START."""


def passed_descriptors(environ: Mapping[str, str]) -> list[tuple[str, int]]:
    """Return the names and numbers of the descriptors that systemd passed to this process."""
    try:
        if int(environ.get("LISTEN_PID", "")) != os.getpid():
            return []
        count = int(environ.get("LISTEN_FDS", ""))
    except ValueError:
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    names += ["unknown"] * (count - len(names))
    return list(zip(names, range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + count), strict=False))


class InheritedListener(BaseListener):
    """A listener whose sockets are open already.

    :param name: the number of a descriptor, or its name in systemd, which several descriptors may share.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = f"fd:{name}"

    async def open(self, *, shared: bool = False) -> list[socket.socket]:
        """Return the sockets, and make them listen if they do not yet."""
        sockets: list[socket.socket] = []
        if self.handed is not None:
            # Descriptor numbers are per process: in another one, the number may mean another file.
            sockets += self.handed.take_listener(self.key)
            if not sockets:
                raise ListenError(
                    f"cannot listen on fd:{self.name}: the old server does not; restart the server"
                )
            return sockets
        try:
            for descriptor in self._find():
                sockets.append(inherit(descriptor))
        except ListenError:
            raise
        except OSError as error:
            for sock in sockets:
                sock.detach()
            what = (
                "no such descriptor is open" if error.errno == errno.EBADF else error.strerror or str(error)
            )
            raise ListenError(f"cannot listen on fd:{self.name}: {what}") from error
        return sockets

    def _find(self) -> list[int]:
        if self.name.isdigit():
            return [int(self.name)]
        passed = passed_descriptors(os.environ)
        found = [number for name, number in passed if name == self.name]
        if not found:
            names = ", ".join(sorted({name for name, _ in passed}))
            have = f"it passed {names}" if names else "it passed none to this process"
            raise ListenError(
                f"cannot listen on fd:{self.name}: systemd passed no socket of this name; {have}"
            )
        return found
