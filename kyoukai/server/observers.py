"""Who observes the answers of a component, as its settings say."""

from collections.abc import Mapping
from typing import Any

from kyoukai.core.serving.observing import Observe
from kyoukai.core.serving.server_state import Server

from .access_log import DEFAULT_FORMAT, AccessLog
from .settings import check_type


def make_observers(settings: Mapping[str, Any]) -> list[Observe]:
    """Return who is told of every answer.

    :param settings: of the component: ``access_log`` and ``access_log_format``.
    :raises ConfigurationError: if one of them cannot be used.
    """
    template = settings.get("access_log_format")
    log = AccessLog(DEFAULT_FORMAT if template is None else template)
    return [log] if check_type(settings, "access_log", True) else []


def make_traces(settings: Mapping[str, Any], server: Server) -> None:
    """Have a server trace what it answers, if its component's setting ``traces`` says so.

    :raises ConfigurationError: if it cannot be used.
    """
    if check_type(settings, "traces", False):
        # It is for who asks for it: the import takes a while, and memory.
        from .traces import Traces

        Traces().watch(server)
