"""The ``httptools`` backend: llhttp, the parser of Node.js, in C."""

from .backend import HttptoolsBackend
from .protocol import KyoukaiProtocol

__all__ = ("HttptoolsBackend", "KyoukaiProtocol")
