"""Resolving ``module:attribute`` to an object."""

import importlib
import operator


class UnresolvedReferenceError(LookupError):
    """The module or its attribute does not exist; the message says which."""


def resolve(reference: str) -> object:
    """Import the module and return the attribute, which may be dotted.

    :raises UnresolvedReferenceError: if the reference is malformed, or the module or attribute is missing.
    :raises BaseException: what importing the module raises, unchanged.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise UnresolvedReferenceError(f"{reference!r} is not of the form module:attribute")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A missing module that this one imports is a fault of this one.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UnresolvedReferenceError(str(error)) from error
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError as error:
        raise UnresolvedReferenceError(str(error)) from error
