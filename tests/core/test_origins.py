"""Whose answer it is, for a line of the log."""

from typing import Any

import pytest

from kyoukai.core.origins import origin


class Naming:
    """An application that names its handlers."""

    def name_handler(self, environ: dict[str, Any]) -> str:
        environ["left"] = "behind"
        if environ["PATH_INFO"] == "/failing":
            raise LookupError
        return {"/named": "shop.show"}.get(environ["PATH_INFO"], "")


@pytest.mark.parametrize(
    ("app", "environ", "expected"),
    [
        (Naming(), {"PATH_INFO": "/named"}, "; its handler is shop.show"),
        (Naming(), {"PATH_INFO": "/unnamed"}, ""),
        (Naming(), {"PATH_INFO": "/failing"}, ""),
        (Naming(), {}, ""),
        (object(), {"PATH_INFO": "/named"}, ""),
        (None, {"PATH_INFO": "/named"}, ""),
    ],
    ids=["named", "unnamed", "failing", "no path", "an application that names none", "no application"],
)
def test_the_end_of_a_line(app: object, environ: dict[str, Any], expected: str) -> None:
    before = dict(environ)
    assert origin(app, environ) == expected
    assert environ == before
