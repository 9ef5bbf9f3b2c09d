"""The component in a process that is there for it alone: what ``kyoukai run`` and ``Kyoukai.run`` start."""

import gc

from asphalt.core import Context

from kyoukai.asphalt import KyoukaiComponent
from kyoukai.logs import settle


class OwnProcessComponent(KyoukaiComponent):
    """A component with its process to itself. Parameters are those of :class:`KyoukaiComponent`."""

    async def start(self, ctx: Context) -> None:
        """Listen, and have Python's collector of cycles pass over all that is there by then.

        Modules, classes and routes live as long as the process. To look through them takes ten milliseconds
        and more, again and again under load, in which no request is served.
        """
        await super().start(ctx)
        settle()
        gc.freeze()
        ctx.add_teardown_callback(gc.unfreeze)
