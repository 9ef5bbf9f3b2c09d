"""The component in a process that is there for it alone: what ``kyoukai run`` and ``Kyoukai.run`` start."""

import asyncio
import gc
from typing import Any

from asphalt.core import Context

from kyoukai.asphalt import KyoukaiComponent
from kyoukai.logs import settle
from kyoukai.outliving import outlive


class OwnProcessComponent(KyoukaiComponent):
    """A component with its process to itself. Parameters are those of :class:`KyoukaiComponent`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        # Asphalt's runner runs the loop once for the start, in which requests are answered already.
        loop = getattr(getattr(asyncio.get_event_loop_policy(), "_local", None), "_loop", None)
        if loop is not None:
            outlive(loop)

    async def start(self, ctx: Context) -> None:
        """Listen, and have Python's collector of cycles pass over all that is there by then.

        Modules, classes and routes live as long as the process. To look through them takes ten milliseconds
        and more, again and again under load, in which no request is served.
        """
        await super().start(ctx)
        settle()
        gc.freeze()
        ctx.add_teardown_callback(gc.unfreeze)
