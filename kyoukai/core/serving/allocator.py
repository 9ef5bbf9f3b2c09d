"""How the C library handles the memory of bodies, once they are done with.

glibc returns what is free at the end of the heap to the system as soon as there are 128 KiB of it, so that
each body pays for the pages of its own anew: more than half of what an upload of 1 MiB costs. The limit
moves by itself: with the largest block that had pages of its own and was freed, up to 32 MiB, it becomes
twice that block's size (mallopt(3), M_MMAP_THRESHOLD). A server that has had one large body is faster from
then on.
"""

from functools import cache
from typing import Final

LARGEST: Final = 8 * 1024 * 1024
"""Bytes of the body that a server is as fast as if it had had. Twice that may stay with the process."""


@cache
def keep_freed_memory() -> None:
    """Let the C library keep the memory of bodies for those to come.

    Once is enough for a process. Nothing is written to the block, and so it takes no memory.
    ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_`` in the environment go before. Where the C
    library is another, nothing comes of it.
    """
    bytes(LARGEST)
