"""A kit to test a backend with: a corpus of cases, and what drives a connection in memory.

:mod:`kyoukai.testing.runner` runs the corpus; what it is made of can be used by itself.
"""

from .answers import Answer, read_answers
from .chunking import Action, Cutting, cuttings
from .conversation import converse, converse_by_socket, serving
from .corpus import Case, CorpusError, Expected, load_corpus
from .outcome import Outcome, read_outcome
from .recorder import RecordingApplication, Reply, Seen
from .transport import MemoryTransport
from .verdict import faults

__all__ = (
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
)
