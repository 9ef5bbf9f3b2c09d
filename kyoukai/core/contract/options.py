"""The options of a backend, as its class declares them.

They are the keyword-only parameters of its constructor, and if that passes ``**options`` on, also those of
the base classes. The meaning of each is read from ``:param name:`` in a docstring.
"""

import inspect
import re
from typing import Any, Final, NamedTuple

from .backend import Backend

REQUIRED: Final = inspect.Parameter.empty
"""The default of an option without one."""


class Option(NamedTuple):
    """One option of a backend."""

    name: str
    default: Any
    """:data:`REQUIRED` if it must be given."""
    meaning: str
    """The meaning on one line; empty if no docstring has it."""


def options_of(backend_class: type[Backend]) -> list[Option]:
    """Return the options of a backend class, its own before the inherited ones."""
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
            # Without **options, it passes nothing on.
            break
    return list(found.values())


def _meaning(owner: type, name: str) -> str:
    for obj in (owner, vars(owner)["__init__"]):
        doc = inspect.cleandoc(obj.__doc__ or "")
        # Up to the next field, or the end of the paragraph.
        match = re.search(rf"(?ms)^:param (?:[^:\n]+ )?{re.escape(name)}:(.*?)(?=^:\w|^\s*$|\Z)", doc)
        if match is not None:
            # Remove the quotes of reST.
            return " ".join(match[1].replace("``", "").split())
    return ""
