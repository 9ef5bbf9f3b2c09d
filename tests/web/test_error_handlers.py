import pytest
from werkzeug.exceptions import Conflict, Gone, HTTPException, InternalServerError, NotFound

from kyoukai import Kyoukai
from kyoukai.core.errors import ConfigurationError
from kyoukai.web.error_handlers import ErrorHandlers, ErrorKey, find_error_handler


class MyNotFound(NotFound):
    pass


async def handler(ctx: object, exception: Exception) -> str:
    return ""


def table(*keys: ErrorKey) -> tuple[ErrorHandlers, dict[object, ErrorKey]]:
    handlers = ErrorHandlers()
    names: dict[object, ErrorKey] = {None: 0}
    for key in keys:

        async def handler(ctx: object, exception: Exception) -> str:
            return ""

        handlers.add(key, handler)
        names[handler] = key
    return handlers, names


@pytest.mark.parametrize(
    ("error", "keys"),
    [
        (
            MyNotFound(),
            (MyNotFound, 404, range(404, 405), range(400, 500), NotFound, HTTPException, Exception),
        ),
        (NotFound(), (NotFound, 404, range(400, 600), HTTPException, Exception)),
        (KeyError(), (KeyError, LookupError, Exception)),
        (HTTPException(), (HTTPException, 500, range(500, 501), Exception)),
    ],
)
def test_the_order_within_one_blueprint(error: Exception, keys: tuple[ErrorKey, ...]) -> None:
    for i in range(len(keys)):
        handlers, names = table(*reversed(keys[i:]))
        assert names[handlers.find(error)] == keys[i]


def test_unrelated_handler_is_not_found() -> None:
    handlers, _ = table(404, range(405, 409), Gone, KeyError, range(500, 600, 3))
    for error in (Conflict(), IndexError(), LookupError(), Exception(), NotImplementedError()):
        expected = isinstance(error, Conflict)
        assert (handlers.find(error) is not None) is (expected and error.code in range(405, 409))
    assert handlers.find(InternalServerError()) is not None
    assert table(404)[0].find(KeyError()) is None


def test_the_first_table_with_any_handler_wins() -> None:
    near, near_names = table(Exception)
    far, far_names = table(NotFound, 409)
    assert near_names[find_error_handler((near, far), NotFound())] is Exception
    empty, _ = table()
    assert far_names[find_error_handler((empty, far), NotFound())] is NotFound
    assert find_error_handler((empty, far), KeyError()) is None


@pytest.mark.parametrize(
    "key",
    [
        399,
        600,
        200,
        0,
        "404",
        None,
        True,
        int,
        (404,),
        range(0),
        range(399, 405),
        range(400, 601),
        BaseException,
    ],
)
def test_keys_that_name_no_error_are_refused(key: ErrorKey) -> None:
    with pytest.raises(ConfigurationError, match="an error handler answers a status from 400 to 599"):
        ErrorHandlers().add(key, handler)
    # So is @app.errorhandler without a call.
    with pytest.raises(ConfigurationError, match=r"as in errorhandler\(404\), not"):
        Kyoukai("app").errorhandler(key)


@pytest.mark.parametrize("key", [404, range(400, 500), KeyError])
def test_a_key_has_one_handler(key: ErrorKey) -> None:
    handlers, _ = table(key)
    with pytest.raises(ConfigurationError, match=r"is answered by the error handler .*table"):
        handlers.add(key, handler)


def test_an_error_handler_takes_context_and_exception() -> None:
    async def wrong(ctx: object) -> str:
        return ""

    with pytest.raises(ConfigurationError, match=r"wrong is called with \(ctx, exception\)"):
        ErrorHandlers().add(404, wrong)
    with pytest.raises(ConfigurationError, match="an error handler must be a function"):
        ErrorHandlers().add(404, "x")  # type: ignore[arg-type]
