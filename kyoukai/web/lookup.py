"""Finds the target of a request from its head, before it has a context."""

from typing import Any

from werkzeug import wrappers

from kyoukai.core.faults import is_fault
from kyoukai.core.serving.application import BodyPlan

from .routing import Router
from .targets import Target


class _Sought:
    """A stand-in for the context, in which a router notes its result."""

    route: object = None
    found: object = None


def plan_body(
    router: Router, environ: dict[str, Any], request_class: type[wrappers.Request]
) -> BodyPlan | None:
    """Return the body plan of a request from its head.

    :param environ: the environ of the request, without a body.
    :param request_class: the application's, which may derive method and path otherwise.
    :return: ``None``: buffer it, up to the server's ``max_body_size``.
    """
    try:
        return find_target(router, environ, request_class).body_plan
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # An invalid host or a failing converter: the same error occurs when the request is answered.
        return None


def find_target(router: Router, environ: dict[str, Any], request_class: type[wrappers.Request]) -> Target:
    """Return the target of a request, without a context. The parameters are those of :func:`plan_body`."""
    note: Any = _Sought()
    try:
        # As the server calls it: a subclass may accept the environ only.
        target, _ = router.match(note, request_class(environ))
    finally:
        environ.pop("werkzeug.request", None)
    return target
