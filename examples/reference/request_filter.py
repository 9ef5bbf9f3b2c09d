import io
import logging

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.server.log_files import RequestFilter
from kyoukai.test_client import BlockingClient

lines = io.StringIO()
handler = logging.StreamHandler(lines)
handler.addFilter(RequestFilter())
handler.setFormatter(logging.Formatter("%(message)s, request id %(request_id)s"))
logger = logging.getLogger("shop")
logger.addHandler(handler)

app = Kyoukai("shop")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    logger.warning("low stock")
    return ctx.request_id


with BlockingClient(app, backend="httptools") as client:
    request_id = client.get("/").text
logger.warning("closed")
print(lines.getvalue().splitlines()[0] == f"low stock, request id {request_id}")  # True
print(lines.getvalue().splitlines()[1])  # closed, request id -
logger.removeHandler(handler)
