"""The ``httptools`` backend: llhttp, the C parser of Node.js."""

from .backend import HttptoolsBackend
from .protocol import KyoukaiProtocol

__all__ = ("HttptoolsBackend", "KyoukaiProtocol")
