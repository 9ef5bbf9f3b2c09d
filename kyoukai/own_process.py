"""The component in a process of its own, which ``kyoukai run`` and ``Kyoukai.run`` start."""

import gc
from collections.abc import Mapping
from typing import Any

from asphalt.core import Component, Context
from asphalt.core.component import component_types

from kyoukai.asphalt import KyoukaiComponent
from kyoukai.private_names import policy_loop
from kyoukai.server.logs import settle
from kyoukai.server.notify import tell_of_one_process
from kyoukai.server.outliving import outlive
from kyoukai.server.starting import starting
from kyoukai.server.supervisor.worker import this_worker
from kyoukai.server.tasks_left import end_tasks_left


class GuardedComponent(Component):
    """The root component of a process of our own, whose start a signal cancels.

    :param component: the settings of the component to start, with its ``type``.
    """

    def __init__(self, component: Mapping[str, Any]) -> None:
        self.component: Component = component_types.create_object(**component)

    async def start(self, ctx: Context) -> None:
        """Start the component.

        :raises StartInterruptedError: if a signal arrives before it has started.
        """
        # Added first, so called last: after all components have stopped.
        ctx.add_teardown_callback(end_tasks_left)
        await starting.guard(self.component.start(ctx))
        await starting.check()
        worker = this_worker()
        if worker is not None:
            worker.report_ready()
        else:
            tell_of_one_process(ctx)


class OwnProcessComponent(KyoukaiComponent):
    """A :class:`KyoukaiComponent` that has its process to itself. The parameters are the same."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        # Asphalt's runner first runs the loop only for the start, and requests are answered in it already.
        loop = policy_loop()
        if loop is not None:
            outlive(loop)

    async def start(self, ctx: Context) -> None:
        """Listen, and exclude all existing objects from garbage collection.

        Modules, classes and routes live as long as the process. Under load, each collection that visits them
        blocks requests for ten milliseconds or more.
        """
        await super().start(ctx)
        settle()
        gc.freeze()
        ctx.add_teardown_callback(gc.unfreeze)
