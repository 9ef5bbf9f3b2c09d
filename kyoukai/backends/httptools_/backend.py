"""The backend of the entry point ``httptools``."""

from kyoukai.core.http1.backend import HTTP1Backend

from .protocol import KyoukaiProtocol


class HttptoolsBackend(HTTP1Backend):
    """HTTP/1.1 parsed by llhttp. It has no options."""

    api_version = 1
    protocol_class = KyoukaiProtocol
