"""K1: what every backend owes, whatever it speaks."""

from kyoukai.core.registry import SUPPORTED_API_VERSIONS, create_backend

from ..subject import Subject
from . import RuleBroken, check


@check("K1.1")
async def loads(subject: Subject) -> None:
    """Load the class, and make a backend without options."""
    try:
        create_backend(subject.name)
    except Exception as error:
        raise RuleBroken(
            str(error), expected="a concrete subclass of Backend, made without options"
        ) from error


@check("K1.2")
async def api_version(subject: Subject) -> None:
    """Look at the version of the contract."""
    version = subject.backend_class.api_version
    if type(version) is not int or version not in SUPPORTED_API_VERSIONS:
        raise RuleBroken(f"api_version is {version!r}", expected=f"one of {sorted(SUPPORTED_API_VERSIONS)}")
