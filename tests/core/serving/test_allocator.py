"""What the C library does with memory that is freed."""

import asyncio
import os
import platform
import subprocess
import sys

import pytest

from kyoukai.core.serving import server_state as server
from kyoukai.core.serving.allocator import keep_freed_memory

COUNT = """
import resource, sys
if sys.argv[1] == "kept":
    from kyoukai.core.serving.allocator import keep_freed_memory
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def gather():
    # Below the 128 KiB from which on a block has pages of its own: they are at the heap's end.
    return [bytearray(100_000) for _ in range(20)]
if sys.argv[1] == "taken":
    from kyoukai.core.serving.allocator import keep_freed_memory as gather
else:
    gather()
before = faults()
for _ in range(20):
    gather()
print(faults() - before)
"""


def count_faults(word: str, **variables: str) -> int:
    """Return how many pages a process had to ask for that does the same again and again."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    # Python's own debug hooks and allocators are none of the C library's.
    environment |= {"PYTHONMALLOC": "malloc", **variables}
    command = [sys.executable, "-c", COUNT, word]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_that_was_freed_is_there_for_the_next() -> None:
    assert count_faults("kept") * 10 < count_faults("returned")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_the_environment_goes_before() -> None:
    assert count_faults("kept", MALLOC_TRIM_THRESHOLD_="131072") > 10 * count_faults("kept")


def test_it_takes_no_memory() -> None:
    # 2,048 pages, if they were written to.
    assert count_faults("taken") < 64


def test_once_is_enough() -> None:
    keep_freed_memory.cache_clear()
    for _ in range(3):
        keep_freed_memory()
    assert (keep_freed_memory.cache_info().misses, keep_freed_memory.cache_info().hits) == (1, 2)


async def start_server() -> None:
    made = server.Server()
    made.start()
    await made.stop(asyncio.Event())


def test_a_server_that_starts_sees_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[None] = []
    monkeypatch.setattr(server, "keep_freed_memory", lambda: calls.append(None))
    asyncio.run(start_server())
    assert len(calls) == 1
