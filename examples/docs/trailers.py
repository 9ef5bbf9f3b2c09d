import hashlib
from base64 import b64encode
from collections.abc import Iterator

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, add_trailers

app = Kyoukai("exports")


@app.route("/export")
async def export(ctx: HTTPRequestContext) -> Response:
    digest = hashlib.sha256()

    def rows() -> Iterator[bytes]:
        for number in range(3):
            row = f"{number},{number * number}\n".encode()
            digest.update(row)
            yield row

    def fields() -> dict[str, str]:
        return {"Content-Digest": f"sha-256=:{b64encode(digest.digest()).decode()}:"}

    response = Response(rows(), mimetype="text/csv", headers={"Trailer": "Content-Digest"})
    return add_trailers(response, fields)
