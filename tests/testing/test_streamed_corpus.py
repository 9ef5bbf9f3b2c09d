"""The cases of the corpus that have a body, with an application that has each as a stream.

What a client gets is what it gets where the body is read into memory; one in four is cut in every way.
"""

import re
from io import BytesIO
from typing import Any

import pytest

from kyoukai.core.serving.application import BodyPlan
from kyoukai.testing import Case, load_corpus
from kyoukai.testing.recorder import RecordingApplication
from kyoukai.testing.runner import run_case

CASES = [case for case in load_corpus() if re.search(r"(?i)content-length|transfer-encoding", str(case))]

ANSWERED = frozenset(
    {
        "chunk-incomplete",
        "chunk-last-without-final-line",
        "continue-before-chunked-body",
        "continue-before-sized-body",
        "continue-behind-another-request",
        "continue-in-1.2",
        "continue-in-any-case",
        "continue-then-end",
        "end-before-sized-body",
        "end-between-chunks",
        "end-in-chunk-data",
        "end-in-chunk-size",
        "end-in-sized-body",
        "end-in-trailers",
        "length-body-incomplete",
        "pipelined-incomplete-last",
        "trailers-unfinished",
        "upgrade-and-expect",
    }
)
"""The client ends its side within the body. A handler that waits for the rest is told, and answers."""

EARLIER = "decoded-body-above-limit-before-a-malformed-chunk"
"""Both faults come at once. Framing is read before anything is decoded."""

TOLD = "reset-in-body"
"""The handler has been told, and has its turn after the connection is gone."""


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the application that records requests read all bodies as streams."""
    process_request = RecordingApplication.process_request

    async def read_first(self: RecordingApplication, request: Any, parent_context: Any) -> Any:
        environ = request.environ
        stream = environ.get("kyoukai.body")
        if stream is not None:
            body = await stream.read()
            environ["wsgi.input"] = BytesIO(body)
            if "HTTP_TRANSFER_ENCODING" not in environ or stream._decoder is not None:
                environ["CONTENT_LENGTH"] = str(len(body))
            if stream.trailers:
                environ["kyoukai.trailers"] = stream.trailers
        return await process_request(self, request, parent_context)

    plan = BodyPlan(stream=True)
    monkeypatch.setattr(RecordingApplication, "plans_every_body", True, raising=False)
    monkeypatch.setattr(RecordingApplication, "receive_head", lambda self, environ: plan, raising=False)
    monkeypatch.setattr(RecordingApplication, "process_request", read_first)


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)), ids=[case.name for case in CASES])
def test_case(backend: str, streaming: None, number: int, case: Case) -> None:
    result = run_case(case, backend, whole=number % 4 > 0)
    if case.name in ANSWERED:
        assert result.failures
        assert all("400 BAD REQUEST" in failure for failure in result.failures)
        assert all("body is not whole" in failure for failure in result.failures)
    elif case.name not in (EARLIER, TOLD):
        assert not result.failures, "\n".join(result.failures)


def test_these_are_all_there() -> None:
    assert {EARLIER, TOLD, *ANSWERED} <= {case.name for case in CASES}
