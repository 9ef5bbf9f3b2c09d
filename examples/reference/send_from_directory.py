from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, send_from_directory
from kyoukai.test_client import BlockingClient

app = Kyoukai("files")


@app.get("/files/<path:name>")
async def file(ctx: HTTPRequestContext, name: str) -> Response:
    return await send_from_directory(ctx, ".", name)


with BlockingClient(app) as client:
    print(client.get("/files/send_from_directory.py").status_code)  # 200
    print(client.get("/files/%2e%2e/README.md").status_code)  # 404
