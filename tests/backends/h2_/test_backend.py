"""The backend's options, and what is said where its libraries are missing."""

import subprocess
import sys
from typing import Any

import pytest

from kyoukai import BackendOptionError
from kyoukai.core.contract.registry import create_backend

MISSING = """
import sys
sys.modules[{name!r}] = None
from kyoukai.core.contract.registry import create_backend
try:
    create_backend("h2")
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("name", ["h2", "hpack", "hyperframe"])
def test_a_missing_library_is_one_error_that_names_the_extra(name: str) -> None:
    code = MISSING.format(name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("BackendLoadError backend 'h2' of kyoukai ")
    assert done.stdout.endswith(
        "install Kyoukai with the extra http2, as in `pip install 'kyoukai[http2]'`\n"
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_concurrent_streams", 0),
        ("stream_window", 65534),
        ("connection_window", 2**31),
        ("max_resets", True),
        ("max_pings", "many"),
        ("max_settings", 1),
        ("max_empty_frames", 1.5),
        ("max_overhead_frames", None),
        ("max_continuations", -1),
    ],
)
def test_invalid_option(name: str, value: Any) -> None:
    with pytest.raises(
        BackendOptionError, match=rf"^backend 'h2': {name} is .*; it must be a whole number, at"
    ):
        create_backend("h2", {name: value})
