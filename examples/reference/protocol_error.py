from werkzeug.exceptions import RequestEntityTooLarge

from kyoukai import HTTPRequestContext, Kyoukai, ProtocolError
from kyoukai.test_client import BlockingClient

app = Kyoukai("uploads")


@app.post("/", max_body_size=10)
async def upload(ctx: HTTPRequestContext) -> str:
    return "thanks"


@app.errorhandler(ProtocolError)
async def refused(ctx: HTTPRequestContext, error: ProtocolError) -> str:
    # Its status stays; it is Werkzeug's error of that status as well.
    return f"{error.code} {error.identifier} {isinstance(error, RequestEntityTooLarge)}"


with BlockingClient(app, backend="httptools") as client:
    print(client.post("/", data=bytes(11)).text)  # 413 body-too-large True
