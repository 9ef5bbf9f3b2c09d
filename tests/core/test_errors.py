"""The error tree: who derives from whom, and which status each refusal has."""

import pytest
from click import ClickException
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.http import HTTP_STATUS_CODES

from kyoukai.core import errors
from kyoukai.core.errors import ConfigurationError, KyoukaiError, ListenError, ProtocolError
from kyoukai.core.semantics.content_coding import ContentDecoder

STATUSES = {
    "BadRequest": 400,
    "RequestTimeout": 408,
    "ContentTooLarge": 413,
    "URITooLong": 414,
    "UnsupportedMediaType": 415,
    "ExpectationFailed": 417,
    "HeaderFieldsTooLarge": 431,
    "NotImplementedByServer": 501,
    "VersionNotSupported": 505,
}

PARENTS = {
    "KyoukaiError": "Exception",
    "ConfigurationError": "KyoukaiError",
    "BackendError": "ConfigurationError",
    "UnknownBackendError": "BackendError",
    "BackendConflictError": "BackendError",
    "BackendLoadError": "BackendError",
    "NotABackendError": "BackendError",
    "BackendVersionError": "BackendError",
    "BackendListError": "BackendError",
    "BackendOptionError": "BackendError",
    "ListenError": "KyoukaiError",
    "ProtocolError": "KyoukaiError",
    **dict.fromkeys(STATUSES, "ProtocolError"),
}


def test_the_tree() -> None:
    defined = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert set(defined) == set(PARENTS)
    for name, cls in defined.items():
        assert PARENTS[name] in {base.__name__ for base in cls.__bases__}


@pytest.mark.parametrize("name", PARENTS)
def test_the_module_draws_the_whole_tree(name: str) -> None:
    assert errors.__doc__ is not None
    lines = [line.strip(" │├└─") for line in errors.__doc__.splitlines()]
    drawn = [line for line in lines if line.split(" ")[0] == name]
    assert len(drawn) == 1
    if name in STATUSES:
        assert drawn[0].split() == [name, str(STATUSES[name])]


@pytest.mark.parametrize(("name", "status"), STATUSES.items())
def test_a_refusal_knows_its_status(name: str, status: int) -> None:
    error = getattr(errors, name)()
    assert error.code == status
    assert status in HTTP_STATUS_CODES
    assert error.description
    assert error.description.endswith(".")
    response = error.get_response()
    assert response.status_code == status


def test_a_refused_content_coding_tells_those_that_are_taken() -> None:
    # RFC 9110 section 12.5.3
    response = errors.UnsupportedMediaType().get_response()
    taken = response.headers["Accept-Encoding"].split(", ")
    assert taken == ["gzip", "deflate"]
    for coding in taken:
        ContentDecoder(coding, 1)
    for name in STATUSES:
        if name != "UnsupportedMediaType":
            assert "Accept-Encoding" not in getattr(errors, name)().get_response().headers


def test_a_refusal_can_say_more() -> None:
    error = errors.BadRequest("The Host field is missing.")
    assert (error.code, error.description) == (400, "The Host field is missing.")
    assert errors.BadRequest().description == "The request is malformed."


def test_a_refusal_is_caught_as_either() -> None:
    assert issubclass(ProtocolError, KyoukaiError)
    assert issubclass(ProtocolError, HTTPException)


def test_a_wrong_setting_is_one_line_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigurationError("max_fields is 0 fields; it must be at least 1")
    assert isinstance(error, ClickException)
    assert isinstance(error, ValueError)
    assert error.exit_code == 1
    assert str(error) == error.message == "max_fields is 0 fields; it must be at least 1"
    error.show()
    assert capsys.readouterr().err == "Error: max_fields is 0 fields; it must be at least 1\n"


def test_an_address_that_cannot_be_listened_on_keeps_its_number() -> None:
    error = ListenError(98, "Address already in use")
    assert isinstance(error, OSError)
    assert (error.errno, error.strerror) == (98, "Address already in use")


def test_an_error_handler_for_werkzeugs_class_takes_each_refusal() -> None:
    for name, code in STATUSES.items():
        error = getattr(errors, name)()
        assert isinstance(error, default_exceptions[code])
        assert error.description == getattr(errors, name).description
        assert error.get_response().status_code == code
