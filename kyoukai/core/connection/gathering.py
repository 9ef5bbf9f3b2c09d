"""Writing a head and its body together, where the transport does it well.

Two calls of the system wake the client twice: for a head that it can do nothing with, and for the body
while it still reads the head. A copy of both into one costs more than that, of a large body.
"""

import asyncio


def gathers(transport: asyncio.WriteTransport) -> bool:
    """Return whether ``writelines`` hands pieces to the system together, and uncopied.

    uvloop's does. asyncio's own makes a copy in Python 3.11; in 3.12.0 to 3.12.8, 3.13.0 and 3.13.1 it does
    not tell the protocol to pause (CVE-2024-12254), so that what a client does not read has no bound.
    """
    return type(transport).__module__.partition(".")[0] == "uvloop"


def write_both(transport: asyncio.WriteTransport, head: bytes, body: bytes) -> None:
    """Write the head of an answer, and its body."""
    if gathers(transport):
        transport.writelines((head, body))
    else:
        transport.write(head)
        transport.write(body)
