"""What the connection asks of an application and of the component that it serves for."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..errors import ProtocolError
    from .server_state import Server


class Application(Protocol):
    """Anything that turns a Werkzeug request into a Werkzeug response.

    :class:`kyoukai.web.Kyoukai` is one; a class of a dozen lines can be another. One that wants a say
    in how bodies are read is a :class:`PlanningApplication`; one that answers what is refused of them
    is a :class:`RefusingApplication`.
    """

    @property
    def request_class(self) -> type[Request]:
        """The class of the requests it takes, made from a WSGI environ."""

    async def process_request(self, request: Request, parent_context: "Context") -> Response:
        """Answer one request.

        It runs in a task and a copy of the component's context variables of its own. An exception
        that gets out, be it SystemExit, is logged and answered with 500; the connection goes on.
        """


class DeclaringApplication(Application, Protocol):
    """An application that is served requests by methods besides the registered ones."""

    @property
    def declared_methods(self) -> Collection[str]:
        """These methods, in capitals; ``"*"`` among them: whatever method is in capitals.

        It is asked for once, at the start. A request by any other method is refused with 501.
        """


class BodyPlan(NamedTuple):
    """How the body of one request is read."""

    stream: bool = False
    """Whether the application is asked at the head's end, and gets the body as it comes, as a
    :class:`~kyoukai.core.exchange.body_stream.BodyStream` that the environ has as ``kyoukai.body``."""
    max_size: int | None = None
    """The most bytes that it may have, as sent and as decoded; ``None``: ``max_body_size``."""
    refused: bool = False
    """Whether the application is asked at the head's end, and gets no body: it has no use for one."""


class PlanningApplication(Application, Protocol):
    """An application that is asked about each body before it is read.

    Whether it is one is found out once a connection.
    """

    @property
    def plans_every_body(self) -> bool:
        """Whether it is asked about bodies, too, all of which came along with their heads.

        There is nothing to be gained by it for one that streams no body, and has no limit of its own.
        """

    @property
    def largest_body(self) -> int:
        """The most bytes that a body may have by any of its plans; 0 where no plan says.

        It is asked for once, at the start, and may be missing: lingering takes as much.
        """

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan | None:
        """Return how the body of a request is read, whose head was accepted and announces one.

        It runs in the event loop, must be quick, and must not raise.

        :param environ: what the environ of the request will be, with no body. It is not kept.
        :return: ``None``: into memory, as far as ``max_body_size``.
        """


class RefusingApplication(Application, Protocol):
    """An application that answers refusals of bodies itself.

    What a server refuses of a request once its head was accepted is the body: it is too large (413), of a
    content coding that is not known (415) or that it is not of (400), not as its framing has it (400), too
    late (408), or not whole (400). An application without this method leaves the answer to the server.
    """

    async def process_refusal(
        self, request: Request, parent_context: "Context", error: "ProtocolError"
    ) -> Response:
        """Answer a request whose body was refused. The connection closes after the answer.

        It runs as :meth:`Application.process_request` does. An exception that gets out is logged, and the
        server answers with ``error``.

        :param request: without a body: to read it raises ``error``, from the stream ``kyoukai.body`` as
            from ``wsgi.input``.
        :param error: why; it knows its status.
        """


class ServerComponent(Protocol):
    """What a backend and its connections see of the component that they serve for."""

    @property
    def app(self) -> Any:
        """The application that answers, of either form: see :mod:`kyoukai.core.applications.forms`."""

    @property
    def server(self) -> "Server":
        """What the connections of one server share: limits, clock, log, and the list of them."""
