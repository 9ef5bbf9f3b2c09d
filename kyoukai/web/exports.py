"""An application for servers of other interfaces."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kyoukai.asgi import ASGIExport
    from kyoukai.wsgi import WSGIExport


def make_asgi(app: Any) -> "ASGIExport":
    """Return an application as servers of ASGI 3 call it: see :class:`kyoukai.asgi.ASGIExport`."""
    # Import it at first use.
    from kyoukai.asgi import ASGIExport

    return ASGIExport(app)


def make_wsgi(app: Any) -> "WSGIExport":
    """Return an application as servers of WSGI call it: see :class:`kyoukai.wsgi.WSGIExport`."""
    from kyoukai.wsgi import WSGIExport

    return WSGIExport(app)
