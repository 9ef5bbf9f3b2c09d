"""An application of another framework answers on our server as on its own, on every backend."""

import pytest

from . import bare_requests
from .differences import DIFFERENCES, differing
from .requests import EVERYTHING, Ask

NOT_FOUND = (404, 405)

APPLICATIONS = {
    "starlette": ("asgi", EVERYTHING),
    "fastapi": ("asgi", EVERYTHING),
    "litestar": ("asgi", EVERYTHING),
    "quart": ("asgi", EVERYTHING),
    "blacksheep": ("asgi", EVERYTHING),
    "falcon": ("asgi", EVERYTHING),
    "django_asgi": ("asgi", EVERYTHING),
    "bare_asgi": ("asgi", bare_requests.ASGI),
    "flask": ("wsgi", EVERYTHING),
    "django_wsgi": ("wsgi", EVERYTHING),
    "falcon_wsgi": ("wsgi", EVERYTHING),
    "bare_wsgi": ("wsgi", bare_requests.WSGI),
}

AT_LEAST = 60
"""How many of the requests every application has an endpoint for."""


@pytest.mark.parametrize("application", APPLICATIONS)
def test_application_answers_the_same_on_every_backend(application, servers):
    interface, rows = APPLICATIONS[application]
    peer, ours = servers(application, interface)
    expected = {row.name: peer.answer(row) for row in rows}
    assert sum(seen.get("status") not in NOT_FOUND for seen in expected.values()) >= AT_LEAST
    for backend, server in ours.items():
        found = compare(rows, expected, server)
        explained = set()
        for difference in DIFFERENCES:
            if application in difference.applications and occurs(difference, server):
                covered = difference.covers(found)
                assert covered, f"{difference} is listed for {application} by {backend}, and does not occur"
                explained |= covered
        unexpected = {key: values for key, values in found.items() if key not in explained}
        assert unexpected == {}, f"{application} by {backend}"


def compare(rows, expected, server):
    """Ask a server, and return what differs from what is expected."""
    found = {}
    for row in rows:
        if not (server.by_http2 and isinstance(row, Ask) and row.http1):
            for part, values in differing(expected[row.name], server.answer(row)).items():
                found[row.name, part] = values
    return found


def occurs(difference, server):
    """Return whether a difference is one of the server's wire."""
    return not (difference.http1 if server.by_http2 else difference.http2)
