"""The ``reference`` backend: pure Python, the readable statement of what any backend must do."""

from .backend import ReferenceBackend
from .parser import RequestParser
from .protocol import KyoukaiProtocol

__all__ = ("KyoukaiProtocol", "ReferenceBackend", "RequestParser")
