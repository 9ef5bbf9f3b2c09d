import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, find, given, settings

from kyoukai.core.limits import Limits
from kyoukai.testing import Action, vocabulary
from kyoukai.testing.generation import (
    MOST_SINGLE_BYTES,
    chunked,
    content,
    conversation,
    cutting,
    other_field,
    request,
    whole,
)
from kyoukai.testing.mutation import MUTATIONS, change_line_end, change_number, insert_word, mutate
from kyoukai.testing.strategies import conversations, cut_conversations

quick = settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class Zeros:
    """Makes the first choice each time."""

    def randrange(self, stop):
        assert stop > 0
        return 0

    def choice(self, alternatives):
        return alternatives[0]


def sent(way):
    return b"".join(piece for piece in way.pieces if isinstance(piece, bytes))


# The generator


def test_the_first_choices_are_the_simplest():
    text = conversation(Zeros())
    assert (text.data, text.limits, text.ending) == (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", (), None)
    assert content(Zeros()) == ([], b"")
    assert other_field(Zeros()) == (b"Content-Type", b"text/plain")
    assert chunked(Zeros(), b"hello") == b"5\r\nhello\r\n0\r\n\r\n"


def test_the_same_seed_makes_the_same_conversation():
    assert conversation(random.Random(5)) == conversation(random.Random(5))
    assert len({conversation(random.Random(seed)).data for seed in range(200)}) > 150


def test_every_cutting_sends_the_conversation():
    source = random.Random(1)
    ways = Counter()
    for _ in range(500):
        text = conversation(source)
        for way in (whole(text), cutting(source, text)):
            assert sent(way) == text.data
            assert way.pieces.count(Action.END) == (text.ending is Action.END)
            assert Action.END not in way.pieces[:-1]
            assert Action.RESET not in way.pieces
        count = sum(isinstance(piece, bytes) for piece in way.pieces)
        ways["single bytes"] += 1 < count == len(text.data) <= MOST_SINGLE_BYTES
        ways["pieces"] += 1 < count < len(text.data)
        ways["paused"] += Action.PAUSE in way.pieces
        ways["at once"] += way.turns == 0
        ways["ended"] += text.ending is Action.END
    assert set(ways) == {"single bytes", "pieces", "paused", "at once", "ended"}
    assert min(ways.values()) >= 10, ways


def test_strategies_make_the_whole_vocabulary():
    source = random.Random(2)
    made = b"\n".join(request(source, source.choice(vocabulary.LIMITS)) for _ in range(20_000))
    for words in (
        vocabulary.METHODS,
        vocabulary.TARGETS,
        vocabulary.VERSIONS,
        vocabulary.HOSTS,
        vocabulary.LENGTHS,
        vocabulary.CODINGS,
        vocabulary.CONNECTIONS,
        vocabulary.EXPECTATIONS,
        vocabulary.EXTENSIONS,
        vocabulary.TRAILERS,
        vocabulary.SIZES,
    ):
        missing = [word for word in words if word not in made]
        assert not missing
    for name in b"Content-Encoding Cookie Content-Type TE Proxy-Connection Keep-Alive X_A".split():
        assert b"\r\n%b:" % name in made


@pytest.mark.parametrize("limits", vocabulary.LIMITS)
def test_the_limits_are_limits(limits):
    Limits.from_mapping(dict(limits))
    longest = max(size for _, size in limits)
    made = {request(random.Random(seed), limits) for seed in range(400)}
    assert any(b"a" * (longest - 10) in text for text in made) or longest < 10
    assert any(len(max(text.split(b"\r\n"), key=len)) > longest for text in made)


# The mutations


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_mutation_changes_something(mutation):
    source = random.Random(3)
    data = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhello, hello"
    changed = {mutation(data, source) for _ in range(100)}
    assert len(changed - {data}) > 3


@pytest.mark.parametrize("data", [b"\r", b"a", b"\r\n", b"1", b"ab\r\n1"])
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_mutation_of_little(mutation, data):
    source = random.Random(4)
    assert all(isinstance(mutation(data, source), bytes) for _ in range(50))


def test_a_mutation_of_nothing():
    assert mutate(b"", Zeros()) == b""
    assert change_line_end(b"a", Zeros()) == change_number(b"a", Zeros()) == b"a"
    assert insert_word(b"a", Zeros()) == vocabulary_word() + b"a"


def vocabulary_word():
    return insert_word(b"\x00", Zeros())[:-1]


# Hypothesis


@quick
@given(cut_conversations())
def test_hypothesis_draws_conversations(example):
    text, ways = example
    assert [way.label for way in ways] == ["whole", "in pieces"]
    assert {sent(way) for way in ways} == {text.data}


def test_hypothesis_shrinks_to_the_cause():
    def has_a_coded_body(text):
        return b"Content-Encoding: gzip" in text.data

    smallest = find(
        conversations(),
        has_a_coded_body,
        settings=settings(quick, max_examples=1000),
        random=random.Random(1),
    )
    assert has_a_coded_body(smallest)
    assert smallest.limits == ()
    assert smallest.ending is None
    assert len(smallest.data) < 250
