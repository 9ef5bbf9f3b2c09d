"""The backend of the entry point ``reference``."""

from kyoukai.core.http1.backend import HTTP1Backend

from .protocol import KyoukaiProtocol


class ReferenceBackend(HTTP1Backend):
    """HTTP/1.1 parsed in Python. It has no options."""

    api_version = 1
    protocol_class = KyoukaiProtocol
