from kyoukai import HTTPRequestContext, Kyoukai, Problem
from kyoukai.test_client import BlockingClient

app = Kyoukai("bank")


@app.post("/pay/<int:amount>")
async def pay(ctx: HTTPRequestContext, amount: int) -> str:
    raise Problem(
        403,
        f"The balance is 30, but that costs {amount}.",
        type="https://bank.example/problems/out-of-credit",
        title="Out of credit",
        members={"balance": 30},
    )


with BlockingClient(app) as client:
    answer = client.post("/pay/50", headers={"Accept": "application/problem+json"})
    print(answer.content_type)  # application/problem+json
    print(answer.get_json(force=True)["balance"])  # 30
