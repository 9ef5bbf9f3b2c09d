"""Making the C library keep the freed memory of bodies.

glibc returns free memory at the end of the heap to the system once it is 128 KiB or more. Each body then pays
for fresh pages: more than half of the cost of a 1 MiB upload. glibc adjusts the threshold: when a block with
its own pages is freed, up to 32 MiB large, the threshold becomes twice the size of that block (mallopt(3),
M_MMAP_THRESHOLD). So a server is faster after its first large body.
"""

from functools import cache
from typing import Final

LARGEST: Final = 8 * 1024 * 1024
"""Size of the dummy block that raises glibc's thresholds. Twice that may stay with the process."""


@cache
def keep_freed_memory() -> None:
    """Make the C library keep the memory of freed bodies for later ones.

    One call a process is enough. Nothing is written to the block, so it takes no memory.
    ``MALLOC_TRIM_THRESHOLD_`` and ``MALLOC_MMAP_THRESHOLD_`` in the environment take precedence. With another
    C library, nothing changes.
    """
    bytes(LARGEST)
