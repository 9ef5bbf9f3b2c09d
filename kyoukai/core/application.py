"""What the connection asks of an application and of the component that it serves for."""

from typing import TYPE_CHECKING, Protocol

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from asphalt.core import Context

    from .server import Server


class Application(Protocol):
    """Anything that turns a Werkzeug request into a Werkzeug response.

    :class:`kyoukai.web.Kyoukai` is one; a class of a dozen lines can be another.
    """

    @property
    def request_class(self) -> type[Request]:
        """The class of the requests it takes, made from a WSGI environ."""

    async def process_request(self, request: Request, parent_context: "Context") -> Response:
        """Answer one request.

        It runs in a task and a copy of the component's context variables of its own. An exception
        that gets out is logged and answered with 500; the connection goes on.
        """


class Component(Protocol):
    """What a connection sees of the component that it serves for."""

    @property
    def app(self) -> Application:
        """The application that answers."""

    @property
    def server(self) -> "Server":
        """What the connections of one server share: limits, clock, log, and the list of them."""
