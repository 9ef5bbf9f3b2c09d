"""What is left of streams that are over for one side: the application's, or the client's."""

import asyncio
import math
from typing import Any

from h2.errors import ErrorCodes


class Leftovers:
    """What is left of the streams of one connection.

    :param owner: the connection.
    """

    __slots__ = ("_deadlines", "_owner", "_tasks")

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines: dict[int, float] = {}

    @property
    def is_full(self) -> bool:
        """Whether no stream can be begun, for there are as many as may be.

        What was taken back, and is answered all the same, counts (CVE-2023-44487). So do requests of which
        more may come: for the client, too, they are streams. It is not made to wait for them.
        """
        owner = self._owner
        most: int = owner.h2_limits.max_concurrent_streams
        if len(owner.streams) + len(self._deadlines) >= most:
            self.reset_requests(math.inf)
        return len(owner.streams) + len(self._tasks) >= most

    def keep_task(self, task: "asyncio.Task[None] | None") -> None:
        """Count what answers a request that the client has taken back, until its end."""
        if task is not None and not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def keep_request(self, stream_id: int) -> None:
        """Let a client that has its answer stop by itself what it still sends.

        RFC 9113 section 8.1 lets the server reset the stream at once, and forbids the client to discard the
        answer for that. Some do, curl before version 8 among them. Until the stream is reset, its window
        limits what comes.
        """
        owner = self._owner
        self._deadlines[stream_id] = owner.server.clock + owner.limits.linger_timeout

    def end_request(self, stream_id: int) -> None:
        """Note that no more comes of a request."""
        self._deadlines.pop(stream_id, None)

    def reset_requests(self, now: float) -> None:
        """Reset the streams of requests that have gone on for too long.

        :param now: the server's clock, in seconds.
        """
        for stream_id in [one for one, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[stream_id]
            self._owner.engine.reset(stream_id, ErrorCodes.NO_ERROR)
            self._owner.schedule()
