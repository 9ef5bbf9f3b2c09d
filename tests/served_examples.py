"""The applications of the examples, served by Asphalt as their READMEs have it."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from .processes import Process, python


@contextlib.contextmanager
def served_example(folder: Path, backend: str, **settings: str) -> Iterator[Process]:
    """Serve the application of a folder, and check by the end that nothing went wrong.

    :param settings: further ones of the server.
    """
    environ = {"PYTHONPATH": str(Path(__file__).parents[1]), "KYOUKAI_BACKEND": backend}
    # A disk that others keep busy may take longer to begin with than Asphalt waits by default.
    command = ["-m", "asphalt", "run", "config.yaml", "--set", "start_timeout=60"]
    for name, value in {"port": "0", **settings}.items():
        command += ["--set", f"component.server.{name}={value}"]
    with python(*command, folder=folder, environ=environ) as process:
        yield process
        assert f"(backend {backend}, loop uvloop)" in process.stderr
        assert "Traceback" not in process.stderr, process.stderr
        assert " ERROR " not in process.stderr, process.stderr


def copy_example(example: Path, folder: Path) -> Path:
    """Copy an example into a folder, without what it was given where it is, and return where it is now."""
    ignore = shutil.ignore_patterns("data", "__pycache__")
    return Path(shutil.copytree(example, folder / example.name, ignore=ignore))
