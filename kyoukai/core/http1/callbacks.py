"""The parser's callbacks as methods of the connection, without the cost of a call in between."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, overload

if TYPE_CHECKING:
    from .parsing import Parsing

P = ParamSpec("P")


class Callback(Generic[P]):
    """A method of the connection that forwards to the same method of its ``Parsing`` object.

    The first access through a connection stores the bound method on it, so that later calls go there
    directly. If a subclass overrides the method, nothing is stored.

    :param function: the method of :class:`~kyoukai.core.http1.parsing.Parsing`.
    """

    def __init__(self, function: "Callable[..., None]") -> None:
        self.__doc__ = function.__doc__
        self._name = function.__name__
        self._function = function

    @overload
    def __get__(self, connection: None, owner: type) -> Self: ...
    @overload
    def __get__(self, connection: Any, owner: type) -> "Callable[P, None]": ...
    def __get__(self, connection: Any, owner: type) -> Any:
        if connection is None:
            return self
        parsing: Parsing = connection.reader.parsing
        method = getattr(parsing, self._name)
        if getattr(type(connection), self._name, None) is self:
            setattr(connection, self._name, method)
        return method

    def __call__(self, connection: Any, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call the method."""
        getattr(connection.reader.parsing, self._name)(*args, **kwargs)
