"""Each kind of expectation is shown to hold and to fail."""

import dataclasses
import inspect

import pytest

from kyoukai.testing import Answer, Outcome, Seen, faults
from kyoukai.testing.corpus import parse_corpus

SEEN = Seen("POST", "/a?b", "/a", "b", "HTTP/1.1", {"host": "a", "x": "1"}, b"abc", (("T", "1"),))
ANSWER = Answer(200, "OK", {"content-length": "2", "x": "1"}, b"ok", True, "now")
REFUSAL = Answer(400, "Bad Request", {"content-length": "0", "connection": "close"}, b"", True, "now")
SERVED = Outcome((ANSWER,), (SEEN,), 0, False)
REFUSED = Outcome((REFUSAL,), (), 0, True)


def make_case(answers, connection="open", rest=""):
    text = f"""
        title = "T"
        about = "A"
        [[case]]
        name = "c"
        level = "MUST"
        source = "s"
        why = "w"
        send = "x"
        answers = {answers}
        connection = "{connection}"
        {rest}
    """
    [case] = parse_corpus([("f", inspect.cleandoc(text))])
    return case


FULL = (
    '[{status = 200, method = "POST", target = "/a?b", path = "/a", query = "b", version = "HTTP/1.1", '
    'body = "abc", body_size = 3, fields = {X = "1", host = "a"}, absent = ["Y"], trailers = [["T", "1"]], '
    'has = {Content-Length = "2", date = "now"}, lacks = ["transfer-encoding"], content = "ok"}]'
)


def test_kept_expectations():
    assert faults(make_case(FULL), SERVED) == []
    assert faults(make_case("[{status = 200}]"), SERVED) == []
    assert faults(make_case("[400]", "closed"), REFUSED) == []
    assert faults(make_case("[]"), Outcome((), (), 0, False)) == []
    refused_with_more = '[{status = 400, application = false, lacks = ["x"], has = {connection = "close"}}]'
    assert faults(make_case(refused_with_more, "closed"), REFUSED) == []


@pytest.mark.parametrize(
    ("expectation", "fault"),
    [
        ('method = "GET"', "request 1: its method is 'POST', expected 'GET'"),
        ('target = "/"', "request 1: its target is '/a?b', expected '/'"),
        ('path = "/"', "request 1: its path is '/a', expected '/'"),
        ('query = ""', "request 1: its query is 'b', expected ''"),
        ('version = "HTTP/1.0"', "request 1: its version is 'HTTP/1.1', expected 'HTTP/1.0'"),
        ('body = "ab"', "request 1: its body is b'abc', expected b'ab'"),
        ("body_size = 2", "request 1: its body has 3 bytes, expected 2"),
        ('fields = {x = "2"}', "request 1: its field x is '1', expected '2'"),
        ('fields = {y = ""}', "request 1: its field y is None, expected ''"),
        ('absent = ["X"]', "request 1: it must not have the field x"),
        ("trailers = []", "request 1: its trailers is (('T', '1'),), expected ()"),
        ('trailers = [["T", "2"]]', "request 1: its trailers is (('T', '1'),), expected (('T', '2'),)"),
        ('has = {x = "2"}', "answer 1: its field x is '1', expected '2'"),
        ('has = {y = "2"}', "answer 1: its field y is None, expected '2'"),
        ('lacks = ["Content-Length"]', "answer 1: it must not have the field content-length"),
        ('lacks = ["date"]', "answer 1: it must not have the field date"),
        ('content = "no"', "answer 1: its content is b'ok', expected b'no'"),
        ('content = ""', "answer 1: its content is b'ok', expected b''"),
        ("cut = true", "answer 1: it is complete, expected it to break off"),
    ],
)
def test_each_expectation_can_fail(expectation, fault):
    assert faults(make_case(f"[{{status = 200, {expectation}}}]"), SERVED) == [fault]


def change(outcome, **changes):
    return dataclasses.replace(outcome, **changes)


@pytest.mark.parametrize(
    ("case", "outcome", "fault"),
    [
        (make_case("[{status = 201}]"), SERVED, "the answers are [200], expected [201]"),
        (make_case("[]"), change(SERVED, seen=()), "the answers are [200], expected none"),
        (
            make_case("[{status = 200}]"),
            change(SERVED, answers=()),
            "the answers are none, expected [200]",
        ),
        (make_case("[{status = 200}]"), change(SERVED, seen=()), "was called 0 times, expected 1: []"),
        (
            make_case("[400]", "closed"),
            change(REFUSED, seen=(SEEN,)),
            "the application was called 1 times, expected 0: ['POST /a?b']",
        ),
        (make_case("[{status = 200}]", "closed"), SERVED, "the connection is open, not closed"),
        (make_case("[{status = 200}]"), change(SERVED, closed=True), "the connection is closed, not open"),
        (
            make_case("[{status = 200}]"),
            change(SERVED, answers=(dataclasses.replace(ANSWER, complete=False),)),
            "answer 1: it is not complete",
        ),
        (
            make_case("[{status = 200}]", rest="continue = true"),
            SERVED,
            "100 Continue was sent 0 times",
        ),
        (
            make_case("[{status = 200}]", rest="continue = false"),
            change(SERVED, continued=1),
            "100 Continue was sent 1 times",
        ),
        (
            make_case("[400]", "closed"),
            change(REFUSED, answers=(dataclasses.replace(REFUSAL, fields={}),)),
            "answer 1: it refuses the request but does not say close",
        ),
        (
            make_case("[{status = 400, application = false}]"),
            change(REFUSED, closed=False),
            "the last answer says close, but the connection is open",
        ),
        (make_case("[{status = 200}]"), change(SERVED, faults=("a fault",)), "a fault"),
    ],
)
def test_faults_of_the_whole_outcome(case, outcome, fault):
    [found] = faults(case, outcome)
    assert fault in found


def test_requests_are_matched_with_the_answers_that_they_got():
    case = make_case('[{status = 200, body = "abc"}, {status = 200, body = "x"}, 400]', "closed")
    second = dataclasses.replace(SEEN, body=b"y")
    outcome = Outcome((ANSWER, ANSWER, REFUSAL), (SEEN, second), 0, True)
    assert faults(case, outcome) == ["request 2: its body is b'y', expected b'x'"]


def test_long_values_are_shortened():
    case = make_case('[{status = 200, body = "abc"}]')
    [found] = faults(case, change(SERVED, seen=(dataclasses.replace(SEEN, body=bytes(9000)),)))
    assert len(found) < 300


def test_any_number_of_continues_is_right_by_default():
    assert faults(make_case("[{status = 200}]"), change(SERVED, continued=1)) == []
