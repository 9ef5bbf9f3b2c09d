"""The component in a process that is there for it alone: what ``kyoukai run`` and ``Kyoukai.run`` start."""

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
    """The root of a process of our own: a signal cancels its start.

    :param component: what Asphalt makes the component of that is started.
    """

    def __init__(self, component: Mapping[str, Any]) -> None:
        self.component: Component = component_types.create_object(**component)

    async def start(self, ctx: Context) -> None:
        """Start it.

        :raises StartInterruptedError: if a signal came before it has started.
        """
        # First added, last called: after all components have stopped.
        ctx.add_teardown_callback(end_tasks_left)
        await starting.guard(self.component.start(ctx))
        await starting.check()
        worker = this_worker()
        if worker is not None:
            worker.report_ready()
        else:
            tell_of_one_process(ctx)


class OwnProcessComponent(KyoukaiComponent):
    """A component with its process to itself. Parameters are those of :class:`KyoukaiComponent`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        # Asphalt's runner runs the loop once for the start, in which requests are answered already.
        loop = policy_loop()
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
