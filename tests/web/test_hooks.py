import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import Blueprint, HTTPRequestContext


async def index(ctx: HTTPRequestContext) -> str:
    return "index"


async def localized(ctx: HTTPRequestContext, lang: str) -> str:
    return lang


def test_hooks_are_checked_where_they_are_given() -> None:
    blueprint = Blueprint("a")
    with pytest.raises(
        ConfigurationError, match=r"a hook before .*localized is called with \(ctx\): missing"
    ):
        blueprint.before_request(localized)
    with pytest.raises(ConfigurationError, match=r"a hook after .*index is called with \(ctx, response\)"):
        blueprint.after_request(index)
    with pytest.raises(ConfigurationError, match="must be a function, not 3"):
        blueprint.before_request(3)  # type: ignore[type-var]
