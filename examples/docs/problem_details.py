from werkzeug.exceptions import HTTPException

from kyoukai import Blueprint, HTTPRequestContext, Kyoukai, Problem, answer_as_problem

app = Kyoukai("bank")
api = app.add_child(Blueprint("api", prefix="/api"))
api.errorhandler(HTTPException)(answer_as_problem)


@api.route("/accounts/<int:number>/pay/<int:sum>", methods=["POST"])
async def pay(ctx: HTTPRequestContext, number: int, sum: int) -> None:  # noqa: A002
    balance = 30
    if sum > balance:
        raise Problem(
            403,
            f"The balance is {balance}, but that costs {sum}.",
            type="https://bank.example/problems/out-of-credit",
            title="You do not have enough credit.",
            instance=f"/api/accounts/{number}/payments/1",
            members={"balance": balance},
        )
