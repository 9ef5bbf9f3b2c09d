"""Answers for failures of the server or the application."""

from typing import Final

from .entry import Group, Refusal

FAILED: Final = (
    "The server encountered an internal error and was unable to complete your request. Either the server is"
    " overloaded or there is an error in the application."
)
"""Werkzeug's sentence for a 500. It does not reveal the error to clients."""

GROUP: Final = Group(
    "Failures of the server",
    (
        Refusal(
            "handler-failed",
            500,
            FAILED,
            wrong="""
                The application raised an exception that no error handler took, or its task was cancelled. The
                log has the traceback at ERROR on `kyoukai.web`, `kyoukai.protocol` or `kyoukai.asgi`.
            """,
            senders="Ordinary clients. The fault is the application's.",
            client="Nothing: the application must change.",
            source="RFC 9110 section 15.6.1",
            server="Look the traceback up by the id of the request, and mend the handler.",
        ),
        Refusal(
            "answer-not-sendable",
            500,
            FAILED,
            wrong="""
                The application's response cannot be sent: a field has a line end or a malformed name, a size
                contradicts the body, or the like. The log has the reason at ERROR, with the handler.
            """,
            senders="Ordinary clients. The fault is the application's.",
            client="Nothing: the application must change.",
            source="RFC 9110 section 15.6.1",
            server="""
                Look the line "the answer to ... cannot be sent" up in the log, and mend the handler that it
                names.
            """,
        ),
        Refusal(
            "backend-failed",
            500,
            FAILED,
            wrong="""
                The backend, its parser or code that they call raised an exception that was not caused by
                the client. The log has the traceback at ERROR on `kyoukai.protocol`.
            """,
            senders="Ordinary clients. The fault is the backend's, or the server's.",
            client="Nothing: the server must change.",
            source="RFC 9110 section 15.6.1",
            server="Report the traceback to the backend's author. Until then, choose another backend.",
        ),
    ),
)
