"""The folder's fixtures: a watched server on each backend and each loop."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Its checks are assertions too, and hold under `python -O` where pytest rewrites them.
pytest.register_assert_rewrite("tests.robustness.watching")

from .watching import Target, is_supported, many_descriptors  # noqa: E402

StartTarget = Callable[..., Target]


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> str:
    """The name of each kind of event loop in turn: their transports buffer and close differently."""
    return str(request.param)


@pytest.fixture
def start(backend: str, loop: str, tmp_path: Path) -> Iterator[StartTarget]:
    """Start a server on each backend and each loop; at the test's end it must stop in good order."""
    if not is_supported():
        pytest.skip("memory and descriptors are read from Linux's /proc")
    targets: list[Target] = []

    def start_target(kind: type[Target] = Target, **limits: float) -> Target:
        # Where something is left that it waits for, the test fails, and soon.
        limits = {"shutdown_timeout": 5.0, **limits}
        target = kind(tmp_path, {"backend": backend, "loop": loop, "limits": limits})
        targets.append(target)
        return target

    with many_descriptors():
        yield start_target
        for target in targets:
            try:
                target.bystander.leave()
                target.send(signal.SIGTERM)
                status = target.finish()
            finally:
                target.kill()
            target.check_log()
            assert status == 0, target.stderr
