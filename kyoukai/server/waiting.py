"""Report the resources that a start waits for and no component has added.

``ctx.request_resource()`` waits silently and without limit. Both a component and the application may wait
there without telling the server. So the waits are found by inspecting the tasks of the loop.
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
"""Seconds before a waiting start is reported; creating a database connection pool takes at most as long."""


class Wait(NamedTuple):
    """A coroutine that waits for a resource."""

    resource: str
    """The type and the name of the resource."""
    who: str
    """The waiting function and line, as far as they are known."""
    kind: Any
    """The type."""

    def __str__(self) -> str:
        """Return the text for a log line."""
        return f"{self.who} waits for the resource {self.resource}, which no component has added"


async def naming_waits(start: Awaitable[T], delay: float = NOTICE_DELAY) -> T:
    """Await the start of a component, and log the resources that are being waited for.

    The last check covers what the root component may wait for afterwards.

    :param delay: seconds between two checks. Each wait is logged once.
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
                # Searching the installed packages takes a while. Let other components continue first.
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
    """Return the waits of the running loop's tasks in :meth:`asphalt.core.Context.request_resource`."""
    for task in asyncio.all_tasks():
        found = _find(task.get_coro())
        if found is not None:
            call, caller = found
            kind, name = call.f_locals["type"], call.f_locals["name"]
            resource = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', kind)} {name!r}"
            yield Wait(resource, _describe(caller) if caller else f"the task {task.get_name()}", kind)


def _find(awaited: Any) -> tuple[FrameType, FrameType | None] | None:
    """Return the call of ``request_resource`` in a chain of awaiting coroutines, and its caller."""
    caller: FrameType | None = None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None:
            if frame.f_code is Context.request_resource.__code__:
                return frame, caller
            caller = frame
        if type(awaited).__name__ == "async_generator_asend":
            # The wrapper of a start under @context_teardown; it does not reveal the component.
            awaited = next((o for o in gc.get_referents(awaited) if isinstance(o, AsyncGeneratorType)), None)
        else:
            awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return None


def _describe(frame: FrameType) -> str:
    code = frame.f_code
    return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"


def what_brings(kind: Any) -> str:
    """Return a hint at installed components that may add a resource."""
    names = sorted(
        f"{point.name!r} ({point.dist.name})"
        for point in entry_points(group="asphalt.components")
        if point.dist is not None and _is_about(point.module, point.dist, kind)
    )
    what = f"a component of the type {' or '.join(names)} may add it" if names else "a component adds it"
    return f"{what}: name it in a configuration file, for kyoukai run config.yaml"


def _is_about(module: str, distribution: Distribution, kind: Any) -> bool:
    """Return whether a component's distribution defines the type, or requires the distribution that does."""
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
