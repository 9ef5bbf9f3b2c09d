"""The options of a backend, as its class declares them.

They are the keyword-only parameters of its constructor, and where that hands the rest on, those of the
constructors that it derives from. What each means is read from ``:param name:`` in a docstring.
"""

import inspect
import re
from typing import Any, Final, NamedTuple

from .backend import Backend

REQUIRED: Final = inspect.Parameter.empty
"""The default of an option that has none."""


class Option(NamedTuple):
    """One option of a backend."""

    name: str
    default: Any
    """:data:`REQUIRED` if it must be given."""
    meaning: str
    """On one line; empty where no docstring says it."""


def options_of(backend_class: type[Backend]) -> list[Option]:
    """Return the options that a backend class takes, its own before those that it inherits."""
    found: dict[str, Option] = {}
    for owner in backend_class.__mro__:
        if owner is Backend:
            break
        constructor = vars(owner).get("__init__")
        if constructor is None:
            continue
        parameters = inspect.signature(constructor).parameters.values()
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.name not in found:
                meaning = _meaning(owner, parameter.name)
                found[parameter.name] = Option(parameter.name, parameter.default, meaning)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            # What it does not take it does not hand on.
            break
    return list(found.values())


def _meaning(owner: type, name: str) -> str:
    for obj in (owner, vars(owner)["__init__"]):
        doc = inspect.cleandoc(obj.__doc__ or "")
        # Up to the next field of the list, or the end of its paragraph.
        match = re.search(rf"(?ms)^:param (?:[^:\n]+ )?{re.escape(name)}:(.*?)(?=^:\w|^\s*$|\Z)", doc)
        if match is not None:
            # The quotes of reST are for its renderer.
            return " ".join(match[1].replace("``", "").split())
    return ""
