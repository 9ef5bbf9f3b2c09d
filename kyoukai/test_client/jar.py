"""Cookies and redirects, which are Werkzeug's."""

from typing import Any, Final

from werkzeug.test import Client as WerkzeugClient

REDIRECTS: Final = frozenset({301, 302, 303, 305, 307, 308})


class Jar(WerkzeugClient):
    """Werkzeug's client, for its cookies, and for what it makes of a redirect."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Return the builder of the request that a redirect leads to."""
        return args[0]
