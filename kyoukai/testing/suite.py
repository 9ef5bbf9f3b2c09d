"""The tests of a backend, as a class for pytest: derive from it, and say which backend.

::

    from kyoukai.testing import BackendSuite

    class TestMyBackend(BackendSuite):
        backend = "my-backend"

``backend`` is a name, ``module:attribute``, or a class that can be imported; or it is a fixture, of the
class or of the module, that returns one. There is one test for each rule of the contract, by its id,
and one for each case of the corpus, which sends it cut in every way. What does not hold for a backend, or
cannot be checked, is skipped, with the reason; an optional rule that is not kept is an expected failure.

Set by the environment: ``KYOUKAI_TIMEOUT_SCALE``, by which the seconds of every patience are
multiplied; ``KYOUKAI_EXAMPLES``, how many conversations are made up and compared with the backend
``reference``; and ``KYOUKAI_SEED``, which makes the same of them again.
"""

from typing import Any, ClassVar, Final

import pytest

from kyoukai.core.contract.backend import Backend

from .checks.corpus import why_case_skipped
from .corpus import Case, load_corpus
from .report import RuleResult, run_rule, why_not
from .rules import Rule, load_rules
from .runner import run_case
from .settings import choose_seed
from .subject import Subject

PROPERTY: Final = "kyoukai"
"""The name of the property of a test by which the summary knows what came of it."""

CORPUS_RULES: Final = {"MUST": "K9.1", "HARDENING": "K9.2", "SHOULD": "K9.3"}
"""The rules that are kept where all cases of a level are."""

RULES: Final = {rule.id: rule for rule in load_rules()}


class BackendSuite:
    """The rules and the corpus, as tests of one backend."""

    backend: ClassVar[Any]
    """The backend's name, ``module:attribute``, or its class; or a fixture that returns one."""

    adapter: ClassVar[Any] = None
    """How to speak by its wire: a :class:`~kyoukai.testing.WireAdapter`, or ``module:attribute``. ``None``:
    what the backend names; HTTP/1, if its connections derive from ``HTTPProtocol``."""

    corpus: ClassVar[tuple[Case, ...]] = load_corpus()
    """The cases that are run."""

    @staticmethod
    def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
        """Make a test of each rule and of each case."""
        if metafunc.function.__name__ == "test_rule":
            rules = [rule for rule in load_rules() if rule.id not in CORPUS_RULES.values()]
            metafunc.parametrize("rule", rules, ids=[rule.id for rule in rules])
        elif metafunc.function.__name__ == "test_case" and metafunc.cls is not None:
            cases = metafunc.cls.corpus
            metafunc.parametrize("case", cases, ids=[case.name for case in cases])

    @pytest.fixture
    def subject(self, request: pytest.FixtureRequest) -> Subject:
        """Return the backend under test."""
        backend = getattr(type(self), "backend", None)
        if not (isinstance(backend, str) or (isinstance(backend, type) and issubclass(backend, Backend))):
            backend = request.getfixturevalue("backend")
        return _subject(backend, type(self).adapter)

    def test_rule(self, subject: Subject, rule: Rule, request: pytest.FixtureRequest) -> None:
        """Keep one rule of the contract."""
        __tracebackhide__ = True
        _tell(run_rule(rule, subject), subject, request)

    def test_case(self, subject: Subject, case: Case, request: pytest.FixtureRequest) -> None:
        """Keep one case of the corpus, cut in every way."""
        __tracebackhide__ = True
        rule = RULES[CORPUS_RULES[case.level]]
        result = why_not(rule, subject)
        if result is None and (reason := why_case_skipped(subject, case)) is not None:
            result = RuleResult(rule, "inapplicable", reason)
        if result is None:
            failures = run_case(case, subject.name, choose_seed(), whole=subject.whole).failures
            message = "\n\n".join(failures)
            result = RuleResult(rule, "broken" if failures else "kept", message, case.data, case.why)
        _tell(result, subject, request)


_subjects: dict[Any, Subject] = {}


def _subject(backend: Any, adapter: Any) -> Subject:
    """Return the subject of a backend. What it has found out about the backend is kept."""
    key = (backend, adapter)
    if key not in _subjects:
        _subjects[key] = Subject(backend, adapter=adapter)
    return _subjects[key]


def _tell(result: RuleResult, subject: Subject, request: pytest.FixtureRequest) -> None:
    """Pass, skip or fail a test as its rule has come out."""
    __tracebackhide__ = True
    rule = result.rule
    # A list of texts: it goes from one process to another.
    fact = [subject.name, rule.id, rule.level, result.outcome]
    request.node.user_properties.append((PROPERTY, fact))
    if result.outcome in ("inapplicable", "unchecked", "untestable"):
        pytest.skip(f"{rule.id}: {result.message}")
    if result.outcome == "broken":
        lines = [f"{rule.id}, {rule.title}: {result.message}", f"    the rule: {rule.statement}"]
        if result.expected:
            lines.append(f"    expected: {result.expected}")
        if result.data:
            lines.append(f"    sent: {result.data[:500]!r}")
        text = "\n".join(lines)
        if rule.level == "optional":
            pytest.xfail(text)
        pytest.fail(text, pytrace=False)
