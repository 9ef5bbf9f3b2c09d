"""Asks a server before it is measured, and fails loudly unless it answers as it must."""

import contextlib
import http.client
import ssl

from benchmarks.running import HOST
from benchmarks.workloads import Workload


class WrongAnswerError(RuntimeError):
    """A server does not answer as all must; what it measures would be compared with other work."""


def check(workload: Workload, port: int) -> None:
    """Ask twice on one connection, or on two where each request has one of its own.

    :raises WrongAnswerError: if an answer is another than the workload's, or the connection ends, or
        does not, against what was asked.
    """
    with contextlib.closing(connect(workload, port)) as connection:
        for _ in range(2):
            try:
                closed = ask(workload, connection)
            except (http.client.HTTPException, OSError) as error:
                raise WrongAnswerError(
                    f"no answer to {workload.method} {workload.path}: {error!r}"
                ) from error
            if closed is not workload.closes:
                raise WrongAnswerError(
                    f"the connection was {'closed' if closed else 'kept'} after {workload.path}"
                )


def connect(workload: Workload, port: int) -> http.client.HTTPConnection:
    """Return a connection that is not yet made."""
    if not workload.tls:
        return http.client.HTTPConnection(HOST, port, timeout=10)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(HOST, port, timeout=10, context=context)


def ask(workload: Workload, connection: http.client.HTTPConnection) -> bool:
    """Send the request, look at the answer, and return whether the server closes the connection.

    :raises WrongAnswerError: if it is another than the workload's.
    """
    headers = dict(workload.headers)
    connection.request(workload.method, workload.path, workload.body or None, headers)
    response = connection.getresponse()
    body = response.read()
    got = (response.status, response.getheader("Content-Type"), body)
    if got != (200, workload.content_type, workload.answer):
        raise WrongAnswerError(
            f"{workload.method} {workload.path} was answered with {got[:2]} and {len(body)} bytes"
            f" {body[:80]!r}, not with (200, {workload.content_type!r}) and {len(workload.answer)} bytes"
            f" {workload.answer[:80]!r}"
        )
    return response.will_close
