"""Lazy attributes, as few requests need all of them."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class CachedAttribute(Generic[T]):
    """An attribute that is computed from its object at first use, and cached.

    :param make: returns the value for the object.
    """

    __slots__ = ("make", "name")

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | Self:
        if instance is None:
            return self
        value = self.make(instance)
        # The instance attribute hides this descriptor from now on.
        setattr(instance, self.name, value)
        return value
