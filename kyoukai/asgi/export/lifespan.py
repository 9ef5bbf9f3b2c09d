"""Starting and stopping an application by the ``lifespan`` scope of an ASGI server."""

import logging
import traceback
from typing import Final

from kyoukai.core.errors import KyoukaiError
from kyoukai.core.faults import is_end

from .inlet import Receive
from .outbox import Send
from .serving import Serving

logger: Final = logging.getLogger("kyoukai.asgi")


async def live(serving: Serving, receive: Receive, send: Send) -> None:
    """Start at the server's startup event. Stop at its shutdown event, or when it ends without one.

    :param serving: the object to start.
    """
    await receive()
    try:
        await serving.start()
    except BaseException as exc:
        if is_end(exc):
            raise
        await send({"type": "lifespan.startup.failed", "message": explain(exc)})
        return
    is_told = False
    try:
        await send({"type": "lifespan.startup.complete"})
        await receive()
        is_told = True
    finally:
        if not is_told:
            await serving.stop()
    try:
        await serving.stop()
    except BaseException as exc:
        if is_end(exc):
            raise
        await send({"type": "lifespan.shutdown.failed", "message": explain(exc)})
        return
    await send({"type": "lifespan.shutdown.complete"})


def explain(exc: BaseException) -> str:
    """Return the text of a failure for the server's log: one sentence for a mistake of the user."""
    if isinstance(exc, KyoukaiError):
        return str(exc)
    return "".join(traceback.format_exception(exc)).rstrip()
