"""The way of a request: ten steps, as a table and as a picture."""

from typing import Final, NamedTuple


class Step(NamedTuple):
    """One step."""

    title: str
    """As the picture has it, in lines."""
    owner: str
    """Whose step it is: one of OWNERS."""
    text: str
    files: tuple[str, ...]
    """Below `kyoukai/`; one without a folder is beside the one before it."""


OWNERS: Final = ("the wire", "the server", "the application")

STEPS: Final = (
    Step(
        "accept",
        "the wire",
        "The server accepts a connection. The backend makes its protocol: `create_protocol`.",
        ("server/acceptor.py", "core/http1/backend.py"),
    ),
    Step(
        "receive bytes",
        "the wire",
        "Bytes arrive, in pieces of any size: `data_received`.",
        ("core/http1/protocol.py",),
    ),
    Step(
        "read a head",
        "the wire",
        "The reader collects a whole head, and checks its grammar and the limits.",
        ("core/http1/reader.py", "readers.py"),
    ),
    Step(
        "apply the policy",
        "the server",
        "The policy accepts the head and makes a `RequestHead`, or raises an error with a status.",
        ("core/semantics/policy.py", "request_head.py"),
    ),
    Step(
        "ask the parser",
        "the wire",
        "The parser gets the head and calls `on_*`. The server compares the parser's reading with its own.",
        ("backends/", "core/http1/parsing.py"),
    ),
    Step(
        "receive a body",
        "the server",
        "An `Exchange` receives the body, into memory or into a stream that the application reads.",
        ("core/exchange/exchange.py", "request_body.py"),
    ),
    Step(
        "wait for its turn",
        "the wire",
        "The exchange waits until earlier requests are answered. A task answers it.",
        ("core/http1/queue.py", "core/http1/exchange.py"),
    ),
    Step(
        "answer",
        "the application",
        "The application makes a Request from the environ and returns a Response: `process_request`.",
        ("core/applications/werkzeug_form.py", "core/exchange/environ.py", "web/"),
    ),
    Step(
        "take the answer",
        "the server",
        "The Response becomes an `AnswerHead` and content, in memory or piece by piece.",
        ("core/exchange/answer.py", "sending.py", "response_body.py"),
    ),
    Step(
        "write bytes",
        "the wire",
        (
            "The wire writes the response, a small one in a single write. Then it answers the next request, "
            "reads on, or closes."
        ),
        ("core/http1/response_writer.py", "core/connection/connection.py"),
    ),
)


def table() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and the rows of the steps."""
    rows = [
        (str(number), step.owner, step.text, ", ".join(f"`{file}`" for file in step.files))
        for number, step in enumerate(STEPS, 1)
    ]
    return ("", "whose", "step", "in"), rows
