"""Werkzeug's cookies and redirects."""

from typing import Any, Final

from werkzeug.test import Client as WerkzeugClient

REDIRECTS: Final = frozenset({301, 302, 303, 305, 307, 308})


class Jar(WerkzeugClient):
    """Werkzeug's client, used for its cookies and its redirects only."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return the builder of the request that a redirect leads to."""
        return args[0]
