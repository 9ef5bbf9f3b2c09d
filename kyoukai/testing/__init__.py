"""A test kit for backends: the contract's rules, a corpus of HTTP cases, and connections in memory.

:class:`BackendSuite` runs everything as pytest tests, and :func:`run_rules` runs the rules without pytest.
The parts can also be used on their own. :mod:`kyoukai.testing.runner` runs the corpus as a command.

To test an application, use :mod:`kyoukai.test_client`. ``TestKyoukai`` is importable from here because
Kyoukai 2 had it here.
"""

from typing import TYPE_CHECKING, Any

from .adapter import UnsayableError, WireAdapter, WireAnswer, WireDifference
from .answers import Answer, read_answers
from .chunking import Action, Cutting, cuttings
from .conversation import converse, converse_by_socket, serving
from .corpus import Case, CorpusError, Expected, load_corpus
from .outcome import Outcome, read_outcome
from .recorder import RecordingApplication, Reply, Seen
from .report import Report, RuleResult, run_rules
from .rules import Rule, load_rules
from .telling import WireRequest
from .transport import MemoryTransport
from .verdict import faults

if TYPE_CHECKING:
    from kyoukai.web.harness import TestKyoukai

    from .suite import BackendSuite

__all__ = (
    # the rules of the contract
    "BackendSuite",
    "Report",
    "Rule",
    "RuleResult",
    "UnsayableError",
    "WireAdapter",
    "WireAnswer",
    "WireDifference",
    "WireRequest",
    "load_rules",
    "run_rules",
    # the corpus
    "Case",
    "CorpusError",
    "Expected",
    "faults",
    "load_corpus",
    # conversations
    "Action",
    "Answer",
    "Cutting",
    "MemoryTransport",
    "Outcome",
    "RecordingApplication",
    "Reply",
    "Seen",
    "converse",
    "converse_by_socket",
    "cuttings",
    "read_answers",
    "read_outcome",
    "serving",
    # the tests of applications
    "TestKyoukai",
)


def __getattr__(name: str) -> Any:
    """Import two names lazily: one needs pytest, which is optional, and one is not part of the kit."""
    if name == "BackendSuite":
        from .suite import BackendSuite

        return BackendSuite
    if name == "TestKyoukai":
        # Kyoukai 2 had it here.
        from kyoukai.web.harness import TestKyoukai

        return TestKyoukai
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
