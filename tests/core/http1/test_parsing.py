"""What a parser tells, held against what the server has read: without a reader, a queue or a connection."""

from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, ImATeapot

from kyoukai.core.http1.message import Message, judge, sent_head
from kyoukai.core.http1.parser_errors import Disagreement, translate
from kyoukai.core.http1.parsing import Parsing
from kyoukai.core.http1.states import ARRIVING, BODY, ENDED, IDLE, IllegalTransitionError
from kyoukai.core.limits import Limits

from .fakes import FakeParser, ParseError
from .test_reader import BODY_TOLD, GET, NO_BODY_TOLD, POST, told

OTHER_TARGET = GET.replace(b"/get", b"/got")
MORE_FIELDS = GET.replace(b"\r\n\r\n", b"\r\nX: y\r\n\r\n")


class Maker:
    """Makes parsers that follow scripts, one each."""

    parser_errors = (ParseError,)

    def __init__(self, *scripts: list[Any], method: bytes = b"GET") -> None:
        # A parser uses its script up.
        self.scripts = [list(script) for script in scripts]
        self.method = method
        self.made: list[FakeParser] = []
        self.resumes = False
        self.parsing = Parsing(self)
        self.parsing.make_parser()

    def make_parser(self) -> Any:
        parser = FakeParser(self.parsing, self.scripts.pop(0) if self.scripts else [])
        parser.method = self.method
        self.made.append(parser)
        return parser

    def resume_parser(self, exc: Exception, framing: Any) -> bool:
        return self.resumes

    def translate(self, exc: BaseException) -> HTTPException:
        return translate(exc, self.parser_errors, lambda exc: ImATeapot())


def message_of(data: bytes) -> Message:
    return judge(sent_head(data), Limits(), None, "kyoukai")


def test_a_head_without_a_body() -> None:
    parsing = Maker(NO_BODY_TOLD).parsing
    message = message_of(GET)
    parsing.read_head(GET, message)
    parsing.check_end(message, 0)
    assert parsing.state is IDLE
    assert message.told == [(b"Host", b"a")]


def test_a_body_is_told_in_pieces_and_each_is_taken_once() -> None:
    body = [("on_body", b"he"), ("on_body", b"llo"), "on_message_complete"]
    parsing = Maker([told(POST), body], method=b"POST").parsing
    message = message_of(POST)
    parsing.read_head(POST, message)
    assert parsing.state is BODY
    assert parsing.read_body(b"hello") == [b"he", b"llo"]
    assert parsing.pieces == []
    parsing.check_end(message, 5)


def test_a_head_that_arrives_slowly_is_read_as_one_that_is_there() -> None:
    parsing = Maker(NO_BODY_TOLD).parsing
    parsing.arrive()
    assert parsing.state is ARRIVING
    parsing.read_head(GET, message_of(GET))
    assert parsing.state is IDLE


@pytest.mark.parametrize(
    ("script", "data", "how"),
    [
        pytest.param(told(GET)[:2], GET, "has not come to its end", id="no-end"),
        pytest.param([*told(OTHER_TARGET), "on_message_complete"], GET, "another target", id="target"),
        pytest.param([*told(MORE_FIELDS), "on_message_complete"], GET, "other fields", id="fields"),
    ],
)
def test_another_reading_of_a_head_is_a_disagreement(script: list[Any], data: bytes, how: str) -> None:
    parsing = Maker([script]).parsing
    with pytest.raises(Disagreement) as caught:
        parsing.read_head(data, message_of(data))
    assert how in caught.value.parser
    assert parsing.refused is not None
    assert parsing.refused.target == b"/get"


def test_another_method_is_a_disagreement() -> None:
    parsing = Maker(NO_BODY_TOLD, method=b"PUT").parsing
    with pytest.raises(Disagreement):
        parsing.read_head(GET, message_of(GET))


@pytest.mark.parametrize(
    ("script", "data"),
    [
        pytest.param([told(GET)], GET, id="waits-for-a-body"),
        pytest.param([[*told(POST), "on_message_complete"]], POST, id="ends-before-its-body"),
    ],
)
def test_another_end_is_a_disagreement(script: list[Any], data: bytes) -> None:
    parsing = Maker(script, method=data.split()[0]).parsing
    message = message_of(data)
    parsing.read_head(data, message)
    if message.size:
        assert parsing.state is not BODY
        with pytest.raises(Disagreement):
            parsing.on_body(b"x")
    else:
        with pytest.raises(Disagreement):
            parsing.check_end(message, 0)


@pytest.mark.parametrize("what", [("on_body", b"x"), ("on_header", b"X", b"y")])
def test_a_body_or_a_trailer_of_a_message_that_has_none_is_a_disagreement(what: tuple[Any, ...]) -> None:
    parsing = Maker([[*told(GET), what, "on_message_complete"]]).parsing
    message = message_of(GET)
    parsing.read_head(GET, message)
    with pytest.raises(Disagreement):
        parsing.check_end(message, 0)


def test_calls_out_of_order_are_no_step() -> None:
    parsing = Maker().parsing
    with pytest.raises(IllegalTransitionError, match="headers_complete cannot happen in the state idle"):
        parsing.on_headers_complete()


def test_parser_error_is_translated() -> None:
    parsing = Maker([[*told(GET)[:1], ParseError()]]).parsing
    with pytest.raises(ImATeapot):
        parsing.read_head(GET, message_of(GET))
    parsing = Maker([BODY_TOLD[0], ParseError()], method=b"POST").parsing
    parsing.read_head(POST, message_of(POST))
    with pytest.raises(ImATeapot):
        parsing.read_body(b"hello")


def test_exception_passes_unchanged_after_release() -> None:
    parsing = Maker([told(POST), TypeError("x")], method=b"POST").parsing
    parsing.read_head(POST, message_of(POST))
    parser = parsing.parser
    parsing.release()
    parsing.parser = parser
    with pytest.raises(TypeError):
        parsing.read_body(b"hello")


def test_after_its_end_there_is_no_other() -> None:
    parsing = Maker().parsing
    parsing.end()
    assert parsing.state is ENDED
    parsing.end()
    assert parsing.state is ENDED
