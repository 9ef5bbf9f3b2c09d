"""Every case of the corpus on every backend, in memory, cut in every way."""

import pytest

from kyoukai.testing import Case, load_corpus
from kyoukai.testing.runner import run_case

from ..corpus_report import PROPERTY, note


@pytest.mark.parametrize("case", load_corpus(), ids=lambda case: case.name)
def test_case(backend: str, case: Case, record_property) -> None:
    result = run_case(case, backend)
    not_kept = [case.name] if result.failures else []
    levels = {case.name: case.level}
    record_property(PROPERTY, note(backend, levels, result.conversations, not_kept, by_socket=False))
    assert not result.failures, "\n".join([*result.failures, f"why: {case.why}"])
