"""Log lines without the parts that differ from run to run."""

import re
from typing import overload


@overload
def unnumbered(logged: str) -> str: ...
@overload
def unnumbered(logged: list[str]) -> list[str]: ...


def unnumbered(logged: str | list[str]) -> str | list[str]:
    """Return log lines without the request ids. Each line must have one."""
    if not isinstance(logged, str):
        return [unnumbered(line) for line in logged]
    line, count = re.subn(r" \(request id [0-9a-f]{32}\)", "", logged)
    assert count == 1, f"no id of a request in {logged!r}"
    return line
