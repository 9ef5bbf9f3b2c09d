"""The corpus, every case of it cut in every way."""

import pytest

from kyoukai.testing import Case, load_corpus
from kyoukai.testing.runner import run_case


@pytest.mark.parametrize("case", load_corpus(), ids=lambda case: case.name)
def test_the_corpus(case: Case) -> None:
    result = run_case(case, "h11")
    if result.failures:
        pytest.fail("\n".join([*result.failures, case.why]))
