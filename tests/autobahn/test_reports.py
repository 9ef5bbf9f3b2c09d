import pytest

from .reports import INFORMATIONAL, find_faults


def result(behavior: str = "OK", close: str | None = None) -> dict[str, str]:
    return {"behavior": behavior, "behaviorClose": close or behavior}


SOUND = {"1.1.1": result(), **{case: result("INFORMATIONAL") for case in INFORMATIONAL}}


def test_complete_report_passes() -> None:
    assert find_faults(SOUND, 4) == []


def test_a_case_that_was_not_run() -> None:
    assert find_faults({}, 4) == ["0 cases were run; there are 4"]


@pytest.mark.parametrize("behavior", ["FAILED", "NON-STRICT", "UNIMPLEMENTED", "INFORMATIONAL"])
def test_failed_case(behavior: str) -> None:
    assert find_faults({**SOUND, "1.1.1": result(behavior, "OK")}, 4) == [
        f"case 1.1.1 is {behavior}, its close OK; both must be OK"
    ]


def test_failed_close() -> None:
    assert find_faults({**SOUND, "1.1.1": result("OK", "UNCLEAN")}, 4) == [
        "case 1.1.1 is OK, its close UNCLEAN; both must be OK"
    ]


def test_a_case_that_is_no_longer_informational() -> None:
    assert find_faults({**SOUND, "7.1.6": result("FAILED", "INFORMATIONAL")}, 4) == [
        "case 7.1.6 is FAILED, its close INFORMATIONAL; both must be INFORMATIONAL"
    ]
