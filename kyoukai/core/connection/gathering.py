"""Writing a head and its body together, if the transport does so efficiently.

Two system calls wake the client twice: for a head that it cannot use yet, and for the body while it still
reads the head. Copying both into one buffer costs more, if the body is large.
"""

import asyncio


def gathers(transport: asyncio.WriteTransport) -> bool:
    """Return whether ``writelines`` passes pieces to the system together, without a copy.

    uvloop's does. asyncio's own copies in Python 3.11. In 3.12.0 to 3.12.8, 3.13.0 and 3.13.1 it does not
    pause the protocol (CVE-2024-12254), so the buffer for a client that does not read grows without bound.
    """
    return type(transport).__module__.partition(".")[0] == "uvloop"


def write_both(transport: asyncio.WriteTransport, head: bytes, body: bytes) -> None:
    """Write the head of an answer, and its body."""
    if gathers(transport):
        transport.writelines((head, body))
    else:
        transport.write(head)
        transport.write(body)
