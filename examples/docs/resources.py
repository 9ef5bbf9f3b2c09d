from asphalt.core import ContainerComponent, Context, inject, resource

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("counter")


class Counter:
    value = 0


@app.route("/")
@inject
async def index(ctx: HTTPRequestContext, counter: Counter = resource()) -> str:
    counter.value += 1
    return str(counter.value)


class CounterComponent(ContainerComponent):
    """The root component: adds a resource, and starts the server that uses it."""

    async def start(self, ctx: Context) -> None:
        ctx.add_resource(Counter())
        self.add_component("kyoukai", app=app, port=8000)
        await super().start(ctx)
