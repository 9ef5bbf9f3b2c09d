from kyoukai import Blueprint, HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

app = Kyoukai("shop")
admin = Blueprint("admin", prefix="/admin")
app.add_child(admin)


@admin.before_request
async def require_user(ctx: HTTPRequestContext) -> tuple[str, int] | None:
    return None if ctx.request.authorization else ("Who are you?", 401)


@admin.get("/stock")
async def stock(ctx: HTTPRequestContext) -> str:
    return ctx.url_for("admin.stock")


with BlockingClient(app) as client:
    print(client.get("/admin/stock").status_code)  # 401
    print(client.get("/admin/stock", auth=("ada", "secret")).text)  # /admin/stock
