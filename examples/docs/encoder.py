import json
from datetime import UTC, datetime
from typing import Any

from kyoukai import HTTPRequestContext, Kyoukai


def encode(value: Any) -> str:
    """Encode a datetime as text. To use a library instead: json_encoder="orjson"."""
    return json.dumps(value, default=datetime.isoformat)


app = Kyoukai("clock", json_encoder=encode)


@app.route("/")
async def index(ctx: HTTPRequestContext) -> dict[str, datetime]:
    return {"epoch": datetime(1970, 1, 1, tzinfo=UTC)}
