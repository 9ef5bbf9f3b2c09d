"""Checks the answers of a server before it is measured, and raises an error for a wrong one."""

import contextlib
import http.client
import ssl

from benchmarks.running import HOST
from benchmarks.workloads import Workload


class WrongAnswerError(RuntimeError):
    """A server's answer differs from the workload's, so its figures would not be comparable."""


def check(workload: Workload, port: int) -> None:
    """Send two requests on one connection, or on two if each request of the workload has its own.

    :raises WrongAnswerError: if an answer differs from the workload's, or if the connection is closed or kept
        contrary to the request.
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
    """Return an unconnected connection."""
    if not workload.tls:
        return http.client.HTTPConnection(HOST, port, timeout=10)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(HOST, port, timeout=10, context=context)


def ask(workload: Workload, connection: http.client.HTTPConnection) -> bool:
    """Send the request, check the answer, and return whether the server closes the connection.

    :raises WrongAnswerError: if the answer differs from the workload's.
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
