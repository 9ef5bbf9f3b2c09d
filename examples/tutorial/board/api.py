"""The notices as JSON, for programs."""

from werkzeug.exceptions import HTTPException

from kyoukai import Blueprint, HTTPRequestContext, answer_as_problem, read_json

from . import store
from .accounts import member
from .store import Draft, Notice

api = Blueprint("api", prefix="/api")
api.errorhandler(HTTPException)(answer_as_problem)


@api.get("/notices")
def notices(ctx: HTTPRequestContext) -> list[Notice]:
    return store.read_notices()


@api.post("/notices", max_body_size=16_000)
def add(ctx: HTTPRequestContext) -> tuple[Notice, int]:
    author = member(ctx)
    draft = read_json(ctx, Draft)
    return store.add_notice(author, draft), 201
