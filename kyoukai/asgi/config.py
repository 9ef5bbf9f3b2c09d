"""Serving a configuration file of Asphalt's format on an ASGI server."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asphalt.core import Component, Context
from asphalt.core.component import component_types

from kyoukai.commands.config_file import configure_logging, read_configuration
from kyoukai.commands.config_servers import take_process_settings
from kyoukai.server.launch import choose_start_timeout

from .export.application import ASGIExport


class Configured(Component):
    """The root component of a configuration file.

    :param root: the root's settings from the file.
    :param max_threads: threads for plain functions and files. ``None``: Python's default.
    """

    def __init__(self, root: dict[str, Any], max_threads: int | None) -> None:
        self.root: Component = component_types.create_object(**root)
        self.max_threads = max_threads

    async def start(self, ctx: Context) -> None:
        """Start the root component."""
        if self.max_threads is not None:
            ctx.loop.set_default_executor(ThreadPoolExecutor(self.max_threads))
        await self.root.start(ctx)


def from_config(path: str) -> ASGIExport:
    """Return an ASGI application that starts all components of a configuration file. One of them serves.

    Settings of sockets, loops, workers and the rest of the process are ignored: the ASGI server decides
    those. ``logging`` is set up immediately. ``max_threads`` and ``start_timeout`` apply at the start.

    :param path: the path of the file, as for ``kyoukai run``. ``ASPHALT_SERVICE`` selects one of several
        services.
    :raises ConfigurationError: if the file is invalid.
    """
    root, runner = read_configuration(path)
    root, process = take_process_settings(path, root)
    if "app_dir" in process:
        sys.path.insert(0, os.path.abspath(process["app_dir"]))
    if "logging" in runner:
        configure_logging(path, runner["logging"], process.get("log_level"))
    threads = process.get("max_threads", runner.get("max_threads"))
    return ASGIExport(
        component=lambda: Configured(root, threads),
        start_timeout=choose_start_timeout(process.get("start_timeout"), runner),
    )
