"""Making the backends that the user has named, in order of preference."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BackendListError, BackendOptionError, UnknownBackendError
from ..limits import outline, suggest
from .backend import Backend
from .registry import create_backend

Selected = Mapping[str, Backend]
"""Backends by the names in the settings, the preferred first."""


def read_names(value: object) -> tuple[str, ...]:
    """Return the names in the user's setting ``backend``.

    :param value: a name, or a list of names in order of preference.
    :raises UnknownBackendError: if it is neither.
    :raises BackendListError: if a name occurs twice.
    """
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name for name in names):
        raise UnknownBackendError(
            f"backend is {value!r}; it must be a name or module:attribute, or a list of them"
        )
    if not names:
        raise UnknownBackendError("backend is an empty list; it must name at least one backend")
    for place, name in enumerate(names):
        if name in names[:place]:
            raise BackendListError(f"backend has {name!r} twice")
    return tuple(names)


def create_backends(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, Backend]:
    """Make the backends with these names, the preferred first.

    :param options: as for :func:`divide_options`.
    :raises BackendError: as :func:`~kyoukai.core.contract.registry.create_backend`, for any of them.
    """
    divided = divide_options(names, options)
    return {name: create_backend(name, divided[name]) for name in names}


def divide_options(names: Sequence[str], options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the options of each backend, by its name.

    :param options: a mapping of options for each name of a backend. The options of a single backend may stand
        without its name.
    :raises BackendOptionError: if it is unclear which backend an option is for.
    """
    divided: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in options.items():
        if key in divided and isinstance(value, Mapping):
            if not all(isinstance(name, str) for name in value):
                raise BackendOptionError(f"backend_options.{key} is {outline(value)}; its keys must be names")
            divided[key].update(value)
        elif len(names) == 1:
            divided[names[0]][key] = value
        elif key in divided:
            raise BackendOptionError(
                f"backend_options.{key} is {outline(value)}; "
                f"it must be a mapping of the options of backend {key!r}"
            )
        else:
            raise BackendOptionError(
                f"backend_options has {key!r}; with several backends, group options by the backend's name: "
                f"{suggest(key, list(names))}"
            )
    return divided
