from typing import Any

from werkzeug.routing import BaseConverter

from kyoukai import HTTPRequestContext, Kyoukai, Request, Response


class YearConverter(BaseConverter):
    regex = r"[0-9]{4}"

    def to_python(self, value: str) -> int:
        return int(value)


class ShopRequest(Request):
    max_form_parts = 20

    @property
    def language(self) -> str:
        return self.accept_languages.best_match(["en", "ja"], "en")


class XMLResponse(Response):
    default_mimetype = "application/xml"


class ShopContext(HTTPRequestContext):
    request: ShopRequest

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.route_matched.connect(self.note)

    def note(self, event: Any) -> None:
        self.endpoint = event.route.endpoint


app = Kyoukai(
    "shop",
    request_class=ShopRequest,
    response_class=XMLResponse,
    context_class=ShopContext,
    converters={"year": YearConverter},
)


@app.route("/<year:year>")
async def archive(ctx: ShopContext, year: int) -> Response:
    return XMLResponse(f"<{ctx.endpoint} year='{year}' language='{ctx.request.language}'/>")
