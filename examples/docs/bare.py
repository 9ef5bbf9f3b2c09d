from asphalt.core import Context
from werkzeug.wrappers import Request, Response


class Bare:
    """An application without routing: the two members that a server needs."""

    request_class = Request

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        return Response(f"{request.method} {request.path}\n")


app = Bare()
