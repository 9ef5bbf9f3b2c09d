"""What a start waits for: resources that no component has brought.

``ctx.request_resource()`` waits without an end and without a word. What waits is read from the tasks of the
loop, since a component may wait there as well as the application, and nobody tells a server of either.
"""

import asyncio
import gc
import logging
import re
from collections.abc import Awaitable, Iterator
from importlib.metadata import Distribution, entry_points, packages_distributions
from types import AsyncGeneratorType, FrameType
from typing import Any, Final, NamedTuple, TypeVar

from asphalt.core import Context

from kyoukai.server.startup_log import still_waits

T = TypeVar("T")

logger: Final = logging.getLogger("kyoukai.server")

NOTICE_DELAY: Final = 1.0
"""Seconds until a start that waits is said to. A pool of connections to a database takes as long at most."""


class Wait(NamedTuple):
    """Somebody waits for a resource."""

    resource: str
    """Its type and its name."""
    who: str
    """The function and the line that waits, as far as they are known."""
    kind: Any
    """The type."""

    def __str__(self) -> str:
        """Return it as a line of the log has it."""
        return f"{self.who} waits for the resource {self.resource}, which no component has brought"


async def naming_waits(start: Awaitable[T], delay: float = NOTICE_DELAY) -> T:
    """Await the start of a component, and log what anybody waits for meanwhile.

    The last look is at what the root component may wait for afterwards.

    :param delay: seconds between two looks. Each wait is logged once.
    """
    loop = asyncio.get_running_loop()
    said: set[Wait] = set()
    is_over = False
    timer: asyncio.TimerHandle | None = None

    def look() -> None:
        nonlocal timer
        waits = list(find_waits())
        still_waits[:] = map(str, waits)
        for wait in waits:
            if wait not in said:
                said.add(wait)
                # To look through what is installed takes a while, in which others go on with their start.
                loop.run_in_executor(None, _tell, wait)
        if not is_over:
            timer = loop.call_later(delay, look)

    timer = loop.call_later(delay, look)
    try:
        result = await start
    except BaseException:
        if timer is not None:
            timer.cancel()
        raise
    is_over = True
    return result


def _tell(wait: Wait) -> None:
    logger.warning("%s; %s", wait, what_brings(wait.kind))


def find_waits() -> Iterator[Wait]:
    """Return what the tasks of the running loop wait for in :meth:`asphalt.core.Context.request_resource`."""
    for task in asyncio.all_tasks():
        found = _find(task.get_coro())
        if found is not None:
            call, caller = found
            kind, name = call.f_locals["type"], call.f_locals["name"]
            resource = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', kind)} {name!r}"
            yield Wait(resource, _describe(caller) if caller else f"the task {task.get_name()}", kind)


def _find(awaited: Any) -> tuple[FrameType, FrameType | None] | None:
    """Return the call of ``request_resource`` in a chain of what awaits what, and who calls it."""
    caller: FrameType | None = None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None:
            if frame.f_code is Context.request_resource.__code__:
                return frame, caller
            caller = frame
        if type(awaited).__name__ == "async_generator_asend":
            # What a component's start is under @context_teardown; it does not tell whose it is.
            awaited = next((o for o in gc.get_referents(awaited) if isinstance(o, AsyncGeneratorType)), None)
        else:
            awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return None


def _describe(frame: FrameType) -> str:
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"


def what_brings(kind: Any) -> str:
    """Return a hint at the components that are installed and may bring a resource."""
    names = sorted(
        f"{point.name!r} ({point.dist.name})"
        for point in entry_points(group="asphalt.components")
        if point.dist is not None and _is_about(point.module, point.dist, kind)
    )
    what = f"a component of the type {' or '.join(names)} may bring it" if names else "a component brings it"
    return f"{what}: name it in a configuration file, for kyoukai run config.yaml"


def _is_about(module: str, distribution: Distribution, kind: Any) -> bool:
    """Return whether a component's distribution has the type, or needs the one that has it."""
    package = getattr(kind, "__module__", "")
    if f"{package}.".startswith(f"{module.rpartition('.')[0]}."):
        return True
    providers = {_normal(name) for name in packages_distributions().get(package.partition(".")[0], ())}
    needed = {
        _normal(match[0])
        for requirement in distribution.requires or ()
        if "extra ==" not in requirement and (match := re.match(r"[\w.-]+", requirement))
    }
    return bool(providers & needed) and "asphalt" not in providers


def _normal(name: str) -> str:
    # PEP 503.
    return re.sub(r"[-_.]+", "-", name).lower()
