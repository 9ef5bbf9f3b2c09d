"""Find what answers a request from its head alone, before there is a context."""

from typing import Any

from werkzeug import wrappers

from kyoukai.core.faults import is_fault
from kyoukai.core.serving.application import BodyPlan

from .routing import Router
from .targets import Target


class _Sought:
    """What a router notes its finding in, where there is no context yet."""

    route: object = None
    found: object = None


def plan_body(
    router: Router, environ: dict[str, Any], request_class: type[wrappers.Request]
) -> BodyPlan | None:
    """Return how the body of a request is read, of which there is the head.

    :param environ: of the request, with no body.
    :param request_class: the application's, which may read method and path of something else.
    :return: ``None``: into memory, as far as the server's ``max_body_size``.
    """
    try:
        return find_target(router, environ, request_class).body_plan
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # A host that is none, or a converter that fails: whoever answers the request will find it again.
        return None


def find_target(router: Router, environ: dict[str, Any], request_class: type[wrappers.Request]) -> Target:
    """Return what answers a request, without a context. The parameters are those of :func:`plan_body`."""
    note: Any = _Sought()
    try:
        # As the server will: a class may take no more than the environ.
        target, _ = router.match(note, request_class(environ))
    finally:
        environ.pop("werkzeug.request", None)
    return target
