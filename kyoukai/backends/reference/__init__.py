"""The ``reference`` backend: pure Python, a readable specification of what every backend must do."""

from .backend import ReferenceBackend
from .parser import RequestParser
from .protocol import KyoukaiProtocol

__all__ = ("KyoukaiProtocol", "ReferenceBackend", "RequestParser")
