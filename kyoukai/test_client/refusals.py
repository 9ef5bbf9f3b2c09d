"""What is raised where a server does not open a WebSocket."""

from werkzeug.test import TestResponse


class WebSocketRefused(Exception):
    """A request for a WebSocket was answered by something else.

    :ivar response: the answer, as other requests return it: ``status_code``, ``headers``, ``data`` and more.
    """

    def __init__(self, response: TestResponse) -> None:
        super().__init__(f"the answer to {response.request.path!r} is {response.status}, and no WebSocket")
        self.response = response
