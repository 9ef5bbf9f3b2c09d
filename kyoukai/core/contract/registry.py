"""Finding a backend by its name.

A name is an entry point of the group ``kyoukai.backends``, loaded with stevedore, or a reference
``module:attribute``, as for any component of Asphalt. Only the named backend is imported. Each kind of
failure has its own exception, whose message says what would be right.
"""

import importlib.metadata
import inspect
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from stevedore import DriverManager
from stevedore.exception import NoMatches

from ..errors import (
    BackendConflictError,
    BackendError,
    BackendLoadError,
    BackendOptionError,
    BackendVersionError,
    NotABackendError,
    UnknownBackendError,
)
from ..limits import suggest
from .backend import API_VERSION, Backend
from .options import options_of
from .references import UnresolvedReferenceError, resolve

GROUP: Final = "kyoukai.backends"
"""The entry-point group in which a distribution registers its backends."""

SUPPORTED_API_VERSIONS: Final = frozenset({API_VERSION})
"""The versions of the contract that this release can serve."""


class Registration(NamedTuple):
    """One entry point of the group, not loaded yet."""

    name: str
    reference: str
    """Its target, ``module:attribute``."""
    distribution: str
    version: str


def registrations() -> list[Registration]:
    """Return the backends that installed distributions register, sorted by name.

    stevedore's listing comes from a cache without distributions, so :mod:`importlib.metadata` is used here. A
    distribution that is on the path twice is listed once.
    """
    found = set()
    for entry_point in importlib.metadata.entry_points(group=GROUP):
        dist = entry_point.dist
        name, version = (dist.name, dist.version) if dist is not None else ("unknown", "unknown")
        found.add(Registration(entry_point.name, entry_point.value, name, version))
    return sorted(found)


def load_backend(name: str) -> type[Backend]:
    """Return the backend class with a name.

    :param name: an entry point's name, or ``module:attribute``.
    :raises UnknownBackendError: if no distribution registers the name.
    :raises BackendConflictError: if more than one does.
    :raises BackendLoadError: if importing it fails; the original exception is the cause.
    :raises NotABackendError: if it is not a class derived from :class:`Backend`, or an abstract one.
    :raises BackendVersionError: if it was written for an unsupported version of the contract.
    """
    if not isinstance(name, str) or not name:
        raise UnknownBackendError(f"backend is {name!r}; it must be a name or module:attribute")
    if ":" in name:
        return check_backend(_load_reference(name), f"backend {name!r}")
    registration = _find(name)
    label = f"backend {name!r} of {registration.distribution} {registration.version}"
    return check_backend(_load_entry_point(registration, label), label)


def create_backend(name: str, options: Mapping[str, Any] | None = None) -> Backend:
    """Make the backend with a name.

    :param name: the name of an installed backend, or ``module:attribute``.
    :param options: options of the backend, by name.
    :raises BackendOptionError: if it refuses an option; the message names it.
    :raises BackendError: as :func:`load_backend`.
    """
    backend_class = load_backend(name)
    try:
        return backend_class(**(options or {}))
    except BackendOptionError as error:
        raise BackendOptionError(f"backend {name!r}: {error}; {_known_options(backend_class)}") from None
    except NotABackendError as error:
        raise NotABackendError(f"backend {name!r}: {error}") from None
    except Exception as error:
        raise BackendOptionError(f"backend {name!r} refuses its options: {error}") from error


def check_backend(obj: object, label: str) -> type[Backend]:
    """Return ``obj`` if it is a backend class that this release can serve.

    :param label: its name in messages.
    :raises NotABackendError: if it is not a concrete subclass of :class:`Backend`.
    :raises BackendVersionError: if its ``api_version`` is not supported; the message names both
        versions, and what to install.
    """
    if not (isinstance(obj, type) and issubclass(obj, Backend)):
        raise NotABackendError(f"{label} is {obj!r}; it must be a subclass of kyoukai.Backend")
    if inspect.isabstract(obj):
        missing = ", ".join(sorted(obj.__abstractmethods__))
        raise NotABackendError(f"{label} is abstract: {obj.__qualname__} does not define {missing}")
    version = getattr(obj, "api_version", None)
    if type(version) is not int or version not in SUPPORTED_API_VERSIONS:
        supported = ", ".join(map(str, sorted(SUPPORTED_API_VERSIONS)))
        raise BackendVersionError(
            f"{label} has api_version {version!r}; this release of Kyoukai supports {supported}: "
            f"{_version_remedy(version)}"
        )
    return obj


def _version_remedy(version: object) -> str:
    # True is an int too, and would count as 1.
    if type(version) is not int:
        return "its class must name the version that it was written for, a whole number"
    if version > max(SUPPORTED_API_VERSIONS):
        return "install a newer Kyoukai, or an older release of the backend"
    return "install a newer release of the backend, or an older Kyoukai"


def _find(name: str) -> Registration:
    everything = registrations()
    matches = [registration for registration in everything if registration.name == name]
    if not matches:
        raise _unknown(name, everything)
    if len(matches) > 1:
        claims = " and ".join(
            f"{match.distribution} {match.version} ({match.reference})" for match in matches
        )
        raise BackendConflictError(
            f"backend {name!r} is registered by {claims}; uninstall one, or select one by module:attribute"
        )
    return matches[0]


def _unknown(name: str, everything: list[Registration]) -> UnknownBackendError:
    known = sorted({registration.name for registration in everything})
    return UnknownBackendError(f"unknown backend {name!r}; {suggest(name, known)}")


def _load_entry_point(registration: Registration, label: str) -> object:
    failures: list[BaseException] = []
    try:
        manager: DriverManager[Any] = DriverManager(
            GROUP,
            registration.name,
            on_load_failure_callback=lambda manager, entry_point, error: failures.append(error),
            on_missing_entrypoints_callback=None,
        )
    except NoMatches as error:
        cause = failures[0] if failures else error
    except (Exception, SystemExit) as error:
        # stevedore does not catch an AssertionError, and a module may call sys.exit().
        cause = error
    else:
        return manager.extensions[0].plugin
    raise _load_error(label, registration.reference, cause) from cause


def _load_reference(reference: str) -> object:
    try:
        return resolve(reference)
    except UnresolvedReferenceError as error:
        cause = error.__cause__ or error
    except (Exception, SystemExit) as error:
        cause = error
    raise _load_error(f"backend {reference!r}", reference, cause) from cause


def _load_error(label: str, reference: str, cause: BaseException) -> BackendLoadError:
    return BackendLoadError(f"{label} cannot be loaded from {reference}: {type(cause).__name__}: {cause}")


def _known_options(backend_class: type[Backend]) -> str:
    names = [option.name for option in options_of(backend_class)]
    return f"its options: {', '.join(names) or 'none'}"


def describe(registration: Registration) -> tuple[type[Backend] | None, BackendError | None]:
    """Return the class of a registration, or the reason why it cannot be used."""
    try:
        return load_backend(registration.name), None
    except BackendError as error:
        return None, error
