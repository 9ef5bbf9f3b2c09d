"""From ``module:attribute`` to the object that it names."""

import importlib
import operator


class UnresolvedReferenceError(LookupError):
    """There is no such module, or it has no such attribute; the message says which."""


def resolve(reference: str) -> object:
    """Import the module and return the attribute, which may be dotted.

    :raises UnresolvedReferenceError: if the reference has another form, or leads nowhere.
    :raises BaseException: what the module raises when it is imported, as it is.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise UnresolvedReferenceError(f"{reference!r} is no module:attribute")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # A module that is missing further in is a fault of the module that imports it.
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise UnresolvedReferenceError(str(error)) from error
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError as error:
        raise UnresolvedReferenceError(str(error)) from error
