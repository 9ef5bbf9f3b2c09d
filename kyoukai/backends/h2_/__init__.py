"""The ``h2`` backend: HTTP/2 (RFC 9113), on the library ``h2``.

It stands on the middle storey of the contract, and imports of Kyoukai what any other distribution would.
"""

try:
    import h2
    import hpack
    import hyperframe
except ImportError as exc:  # pragma: no cover (a process of its own tests it)
    raise ImportError(
        f"HTTP/2 needs libraries that are not installed ({exc}): install Kyoukai with the extra http2, as"
        " in `pip install 'kyoukai[http2]'`"
    ) from exc

from .backend import H2Backend
from .connection import H2ServerConnection

__all__ = ("H2Backend", "H2ServerConnection")

del h2, hpack, hyperframe
