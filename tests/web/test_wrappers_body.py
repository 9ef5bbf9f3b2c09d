"""A request's body, and JSON out of it, are what Werkzeug's request has of them."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug import wrappers
from werkzeug.exceptions import HTTPException

from kyoukai.web.wrappers import Request

from .asking import environ_of


class Unlimited(Request):
    """A subclass that changes nothing."""


class Limited(Request):
    max_content_length = 4


class WerkzeugsLimited(wrappers.Request):
    max_content_length = 4


class AlwaysJSON(Request):
    @property
    def mimetype(self) -> str:
        return "application/json"


class WerkzeugsAlwaysJSON(wrappers.Request):
    @property
    def mimetype(self) -> str:
        return "application/json"


class Framed(Request):
    stream: Any = property(lambda request: BytesIO(b"[0]"))


class WerkzeugsFramed(wrappers.Request):
    stream: Any = property(lambda request: BytesIO(b"[0]"))


CLASSES = [
    (Request, wrappers.Request),
    (Unlimited, wrappers.Request),
    (Limited, WerkzeugsLimited),
    (AlwaysJSON, WerkzeugsAlwaysJSON),
    (Framed, WerkzeugsFramed),
]

TYPES = st.sampled_from(
    [
        None,
        "",
        "application/json",
        "application/json",
        "application/json; charset=UTF-8",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
    ]
)
BODIES = st.sampled_from([b"", b"{}", b'{"a": [1, 2]}\n', b"[", b"a=b&c=d", b"\xff", b'"a"', b"[\0]\0"])
FLAGS = st.booleans()
STEPS = st.one_of(
    st.tuples(
        st.just("get_json"),
        st.fixed_dictionaries({}, optional={"force": FLAGS, "silent": FLAGS, "cache": FLAGS}),
    ),
    st.tuples(
        st.just("get_data"),
        st.fixed_dictionaries({}, optional={"cache": FLAGS, "as_text": FLAGS, "parse_form_data": FLAGS}),
    ),
    st.tuples(st.just("read"), st.sampled_from([1, 3, -1])),
    st.tuples(st.just("read_input"), st.sampled_from([1, 3, -1])),
    st.tuples(st.sampled_from(["json", "data", "form", "is_json", "mimetype", "mimetype_params"]), st.none()),
    st.tuples(st.just("headers"), st.sampled_from(["application/json", "text/plain", ""])),
    st.tuples(st.just("max_content_length"), st.sampled_from([1, 100])),
)


def take(request: Any, step: tuple[str, Any]) -> object:
    """Ask a request for something, and return what it says, or the error."""
    name, given = step
    try:
        if isinstance(given, dict):
            return getattr(request, name)(**given)
        if name == "read":
            return request.stream.read(given)
        if name == "read_input":
            return request.input_stream.read(given)
        if name == "headers":
            if given:
                request.headers = {"Content-Type": given}
            return request.headers.get("Content-Type")
        if given is not None:
            setattr(request, name, given)
        else:
            return getattr(request, name)
    except (HTTPException, RuntimeError) as exc:
        return type(exc), str(exc)
    return None


@pytest.mark.parametrize(("ours", "theirs"), CLASSES)
@settings(deadline=None)
@given(BODIES, TYPES, FLAGS, FLAGS, st.lists(STEPS, min_size=1, max_size=4))
def test_the_body_is_read_as_by_werkzeugs_request(
    ours: Any,
    theirs: Any,
    body: bytes,
    content_type: str | None,
    is_terminated: bool,
    shallow: bool,
    steps: Any,
) -> None:
    requests = []
    for cls in (ours, theirs):
        environ = environ_of(method="POST") | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("wsgi.input_terminated", None)
        if is_terminated:
            environ["wsgi.input_terminated"] = True
        environ.pop("CONTENT_TYPE", None)
        if content_type is not None:
            environ["CONTENT_TYPE"] = content_type
        requests.append(cls(environ, shallow=shallow))
    # Werkzeug parses Content-Type once. Ours may parse it later, so replace it before the rest.
    for step in sorted(steps, key=lambda step: step[0] != "headers"):
        mine, werkzeugs = (take(request, step) for request in requests)
        assert mine == werkzeugs, step
    mine, werkzeugs = (request.environ["wsgi.input"].tell() for request in requests)
    assert mine == werkzeugs
