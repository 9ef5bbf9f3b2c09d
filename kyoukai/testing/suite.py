"""The tests of a backend as a pytest class: derive from it, and set the backend.

::

    from kyoukai.testing import BackendSuite

    class TestMyBackend(BackendSuite):
        backend = "my-backend"

``backend`` is a registered name, ``module:attribute``, or an importable class. It can also be a fixture of
the class or the module that returns one of these. There is one test for each rule of the contract, named by
its id, and one for each case of the corpus, which sends the case split in every way. A rule that does not
apply, or cannot be checked, is skipped with the reason. A broken optional rule is an expected failure.

Environment variables: ``KYOUKAI_TIMEOUT_SCALE`` multiplies all timeouts. ``KYOUKAI_EXAMPLES`` sets how many
conversations are generated and compared with the backend ``reference``. ``KYOUKAI_SEED`` repeats the same
ones.
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
"""Name of the test property from which the summary reads the outcome of a rule."""

CORPUS_RULES: Final = {"MUST": "K9.1", "HARDENING": "K9.2", "SHOULD": "K9.3"}
"""The rule that is kept if all cases of a level are."""

RULES: Final = {rule.id: rule for rule in load_rules()}


class BackendSuite:
    """The rules and the corpus as tests of one backend."""

    backend: ClassVar[Any]
    """The backend's name, ``module:attribute`` or class, or a fixture that returns one of them."""

    adapter: ClassVar[Any] = None
    """The adapter for the backend's wire format: a :class:`~kyoukai.testing.WireAdapter`, or
    ``module:attribute``. ``None``: the one that the backend names, or else HTTP/1 if its connections derive
    from ``HTTPProtocol``."""

    corpus: ClassVar[tuple[Case, ...]] = load_corpus()
    """The cases to run."""

    @staticmethod
    def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
        """Create a test for each rule and each case."""
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
        """Check one rule of the contract."""
        __tracebackhide__ = True
        _tell(run_rule(rule, subject), subject, request)

    def test_case(self, subject: Subject, case: Case, request: pytest.FixtureRequest) -> None:
        """Run one case of the corpus, split in every way."""
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
    """Return the subject for a backend, cached: it remembers what it found out about the backend."""
    key = (backend, adapter)
    if key not in _subjects:
        _subjects[key] = Subject(backend, adapter=adapter)
    return _subjects[key]


def _tell(result: RuleResult, subject: Subject, request: pytest.FixtureRequest) -> None:
    """Pass, skip or fail the test according to the result of the rule."""
    __tracebackhide__ = True
    rule = result.rule
    # A list of strings, which pytest-xdist can send between processes.
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
