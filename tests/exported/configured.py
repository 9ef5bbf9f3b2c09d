"""The application of ``config.yaml`` in the folder where a server is started, with all its components."""

import copy
import logging.config
from pathlib import Path

from asphalt.core import Component
from asphalt.core.component import component_types
from ruamel.yaml import YAML

from kyoukai.asgi import ASGIExport

config = YAML(typ="safe").load(Path("config.yaml").read_text("utf-8"))
if "logging" in config:
    logging.config.dictConfig(config["logging"])


def make() -> Component:
    """Return the root component."""
    root: Component = component_types.create_object(**copy.deepcopy(config["component"]))
    return root


asgi = ASGIExport(component=make)
