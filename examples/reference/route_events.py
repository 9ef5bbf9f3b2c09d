from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.asphalt import RouteCompletedEvent, RouteInvokedEvent, RouteMatchedEvent
from kyoukai.test_client import BlockingClient

app = Kyoukai("shop")


def matched(event: RouteMatchedEvent) -> None:
    print("matched", event.route.endpoint, event.params)  # matched item {'number': 7}


def invoked(event: RouteInvokedEvent) -> None:
    print("the hooks let it pass")  # the hooks let it pass


def completed(event: RouteCompletedEvent) -> None:
    print("answered with", event.response.status_code)  # answered with 200


class ShopContext(HTTPRequestContext):
    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.route_matched.connect(matched)
        self.route_invoked.connect(invoked)
        self.route_completed.connect(completed)


app.context_class = ShopContext


@app.get("/items/<int:number>")
async def item(ctx: HTTPRequestContext, number: int) -> str:
    return "a cup"


with BlockingClient(app) as client:
    client.get("/items/7")
