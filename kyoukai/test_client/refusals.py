"""The error for a WebSocket that a server refuses."""

from werkzeug.test import TestResponse


class WebSocketRefused(Exception):
    """The server answered a request for a WebSocket with another response.

    :ivar response: the response, with ``status_code``, ``headers``, ``data`` and the other attributes of
        :class:`werkzeug.test.TestResponse`.
    """

    def __init__(self, response: TestResponse) -> None:
        super().__init__(f"the answer to {response.request.path!r} is {response.status}, not a WebSocket")
        self.response = response
