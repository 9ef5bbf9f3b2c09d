"""The interfaces of an application, and of the component that serves it, as connections use them."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..errors import ProtocolError
    from .server_state import Server


class Application(Protocol):
    """An object that turns a Werkzeug request into a Werkzeug response.

    :class:`kyoukai.web.Kyoukai` is one; a class of a dozen lines can be another. To decide how bodies are
    read, also define the members of :class:`PlanningApplication`; to answer refusals of bodies, those of
    :class:`RefusingApplication`.
    """

    @property
    def request_class(self) -> type[Request]:
        """The class of the requests it takes, made from a WSGI environ."""

    async def process_request(self, request: Request, parent_context: "Context") -> Response:
        """Answer one request.

        It runs in its own task, with its own copy of the component's context variables. Any exception that it
        raises, even SystemExit, is logged and answered with 500; the connection persists.
        """


class DeclaringApplication(Application, Protocol):
    """An application that serves methods besides the registered ones."""

    @property
    def declared_methods(self) -> Collection[str]:
        """The additional methods, in capitals; ``"*"`` stands for any method in capitals.

        It is read once, at the start. A request with any other method is refused with 501.
        """


class BodyPlan(NamedTuple):
    """How the body of one request is read."""

    stream: bool = False
    """Whether the application is called at the end of the head, and reads the body as it arrives. The environ
    has the :class:`~kyoukai.core.exchange.body_stream.BodyStream` as ``kyoukai.body``."""
    max_size: int | None = None
    """The most bytes of the body, both as sent and as decoded; ``None``: ``max_body_size``."""
    refused: bool = False
    """Whether the application is called at the end of the head, and gets no body."""


class PlanningApplication(Application, Protocol):
    """An application that is asked about each body before it is read.

    Its methods are looked up once for each connection.
    """

    @property
    def plans_every_body(self) -> bool:
        """Whether it is also asked about bodies that arrive complete together with their heads.

        An application that streams no body and sets no limits does not need this.
        """

    @property
    def largest_body(self) -> int:
        """The most bytes of a body under any of its plans; 0 if no plan has a limit.

        It is read once, at the start, and may be missing. It bounds the bytes discarded while lingering.
        """

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan | None:
        """Return how to read the body of a request, after its head was accepted.

        It runs in the event loop, must be quick, and must not raise.

        :param environ: the environ of the request, without a body. It is not kept.
        :return: ``None``: into memory, up to ``max_body_size``.
        """


class RefusingApplication(Application, Protocol):
    """An application that answers refusals of bodies itself.

    After a head was accepted, the server may refuse the body: it is too large (413), its content coding is
    unknown (415) or wrong (400), its framing is wrong (400), it is too late (408), or incomplete (400).
    Without this method, the server answers.
    """

    async def process_refusal(
        self, request: Request, parent_context: "Context", error: "ProtocolError"
    ) -> Response:
        """Answer a request whose body was refused. The connection closes after the answer.

        It runs as :meth:`Application.process_request` does. If it raises, that is logged, and the server
        answers with ``error``.

        :param request: a request without a body: reading from ``kyoukai.body`` or ``wsgi.input`` raises
            ``error``.
        :param error: the reason; it knows its status.
        """


class ServerComponent(Protocol):
    """The component that a backend and its connections serve, as they see it."""

    @property
    def app(self) -> Any:
        """The application, of either form: see :mod:`kyoukai.core.applications.forms`."""

    @property
    def server(self) -> "Server":
        """The state that the connections of one server share: limits, clock, log, and the list of them."""
