"""Work that remains of streams after the application or the client has finished."""

import asyncio
import math
from typing import Any

from h2.errors import ErrorCodes


class Leftovers:
    """The remaining work of one connection's streams.

    :param owner: the connection.
    """

    __slots__ = ("_deadlines", "_owner", "_tasks")

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines: dict[int, float] = {}

    @property
    def is_full(self) -> bool:
        """Whether the number of streams has reached its limit.

        Requests that the client has reset count while the application still answers them (CVE-2023-44487).
        Answered requests whose bodies still arrive count too, as the client counts them. These are reset, so
        the client need not wait for them.
        """
        owner = self._owner
        most: int = owner.h2_limits.max_concurrent_streams
        if len(owner.streams) + len(self._deadlines) >= most:
            self.reset_requests(math.inf)
        return len(owner.streams) + len(self._tasks) >= most

    def keep_task(self, task: "asyncio.Task[None] | None") -> None:
        """Count the task of a request that the client has reset, until the task ends."""
        if task is not None and not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def keep_request(self, stream_id: int) -> None:
        """Let a client that has its answer finish or stop its request by itself.

        RFC 9113 section 8.1 lets the server reset the stream at once, and forbids the client to discard the
        answer for that. Some clients do, such as curl before version 8. Until the reset, the stream's window
        limits what the client can send.
        """
        owner = self._owner
        self._deadlines[stream_id] = owner.server.clock + owner.limits.linger_timeout

    def end_request(self, stream_id: int) -> None:
        """Note the end of a request."""
        self._deadlines.pop(stream_id, None)

    def reset_requests(self, now: float) -> None:
        """Reset the streams of requests that have passed their deadline.

        :param now: the server's clock, in seconds.
        """
        for stream_id in [one for one, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[stream_id]
            self._owner.engine.reset(stream_id, ErrorCodes.NO_ERROR)
            self._owner.schedule()
