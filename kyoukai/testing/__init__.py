"""A kit to test a backend with: rules, a corpus of cases, and what drives a connection in memory.

:class:`BackendSuite` has it all as tests for pytest, and :func:`run_rules` without; what they are made
of can be used by itself. :mod:`kyoukai.testing.runner` runs the corpus as a command.

What tests applications is in :mod:`kyoukai.test_client`; ``TestKyoukai`` is here, where Kyoukai 2 had it.
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
    """Import what needs pytest when it is asked for, as that is optional, and what is not of the kit."""
    if name == "BackendSuite":
        from .suite import BackendSuite

        return BackendSuite
    if name == "TestKyoukai":
        # It was here in Kyoukai 2.
        from kyoukai.web.harness import TestKyoukai

        return TestKyoukai
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
