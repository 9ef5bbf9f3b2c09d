"""What the routes of an application declare that a server asks for before a request comes."""

from collections.abc import Iterator

from kyoukai.core.semantics.methods import METHODS
from kyoukai.core.serving.application import BodyPlan

from .blueprint import Blueprint
from .route import Route


def find_methods(root: Blueprint) -> frozenset[str]:
    """Return the methods of the routes below ``root`` besides the registered ones; ``"*"``: every method."""
    return frozenset(method for route in _routes(root) for method in route.methods) - METHODS


def find_body_plans(root: Blueprint) -> list[BodyPlan]:
    """Return the plans of the routes below ``root`` that stream bodies, or have a limit of their own."""
    return [route.body_plan for route in _routes(root) if route.body_plan is not None]


def _routes(root: Blueprint) -> Iterator[Route]:
    for blueprint in root.walk():
        yield from blueprint.routes
