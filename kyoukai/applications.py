"""From ``app``, as a user writes it, to the application that is served."""

from typing import Any

from kyoukai.core.application import Application
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.references import UnresolvedReferenceError, resolve


def resolve_application(app: Application | str | None) -> Application:
    """Return the application that ``app`` is, or refers to as ``module:attribute``.

    :raises ConfigurationError: if there is none, or it is no application.
    :raises BaseException: what the application's module raises when it is imported, as it is.
    """
    if app is None:
        raise ConfigurationError("app is not set; it must be an application, or module:attribute")
    if isinstance(app, str) and ":" not in app:
        raise ConfigurationError(f"app is {app!r}; it must be an application, or module:attribute")
    try:
        resolved: Any = resolve(app) if isinstance(app, str) else app
    except UnresolvedReferenceError as error:
        raise ConfigurationError(f"app {app!r} cannot be loaded: {error}") from error
    for name in ("request_class", "process_request"):
        if not hasattr(resolved, name):
            raise ConfigurationError(f"app {app!r} is no application: it has no {name}")
    return resolved  # type: ignore[no-any-return]
