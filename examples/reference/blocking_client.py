from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

app = Kyoukai("guests")
guests = ["Ann"]


@app.route("/guests", methods=["GET", "POST"])
async def book(ctx: HTTPRequestContext) -> list[str]:
    if ctx.request.method == "POST":
        guests.append(ctx.request.form["name"])
    return guests


# With pytest, use the fixture `kyoukai_client`. With `backend=`, it uses sockets.
with BlockingClient(app, raise_exceptions=True) as client:
    client.post("/guests", data={"name": "Bo"})
    print(client.get("/guests").json)  # ['Ann', 'Bo']
