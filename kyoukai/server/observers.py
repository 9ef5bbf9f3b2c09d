"""Create the observers of a component's responses from its settings."""

from collections.abc import Mapping
from typing import Any

from kyoukai.core.serving.observing import Observe
from kyoukai.core.serving.server_state import Server

from .access_log import DEFAULT_FORMAT, AccessLog
from .settings import check_type


def make_observers(settings: Mapping[str, Any]) -> list[Observe]:
    """Return the observers that are called for every response.

    :param settings: settings of the component: ``access_log`` and ``access_log_format``.
    :raises ConfigurationError: if one of them is invalid.
    """
    template = settings.get("access_log_format")
    log = AccessLog(DEFAULT_FORMAT if template is None else template)
    return [log] if check_type(settings, "access_log", True) else []


def make_traces(settings: Mapping[str, Any], server: Server) -> None:
    """Trace a server's responses if the component's setting ``traces`` asks for it.

    :raises ConfigurationError: if traces are not possible.
    """
    if check_type(settings, "traces", False):
        # Import only on demand: the import costs time and memory.
        from .traces import Traces

        Traces().watch(server)
