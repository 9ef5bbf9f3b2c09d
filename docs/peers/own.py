"""The application of `applications.py` for Kyoukai, so that the tool measures its own yardstick."""

from applications import described
from asphalt.core import Context
from werkzeug.wrappers import Request, Response


class Describing:
    """Reads the whole body, and answers what it saw."""

    request_class = Request

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Answer one request."""
        environ = request.environ
        path = environ["PATH_INFO"].encode("latin-1")
        seen = described(
            request.method, environ["RAW_URI"], path, environ["QUERY_STRING"], request.get_data()
        )
        return Response("ok", headers={"X-Seen": seen})


app = Describing()
