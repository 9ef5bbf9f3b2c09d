from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, send_file
from kyoukai.test_client import BlockingClient

app = Kyoukai("reports")


@app.get("/report")
async def report(ctx: HTTPRequestContext) -> Response:
    # A relative path is taken from the folder of this module.
    return await send_file(ctx, "send_file.py", "text/plain", max_age=60)


with BlockingClient(app) as client:
    part = client.get("/report", headers={"Range": "bytes=0-12"})
    print(part.status_code, part.text)  # 206 from werkzeug
    etag = part.headers["ETag"]
    print(client.get("/report", headers={"If-None-Match": etag}).status_code)  # 304
