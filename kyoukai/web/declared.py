"""What the routes of an application declare to the server before requests arrive."""

from collections.abc import Iterator

from kyoukai.core.semantics.methods import METHODS
from kyoukai.core.serving.application import BodyPlan

from .blueprint import Blueprint
from .route import Route


def find_methods(root: Blueprint) -> frozenset[str]:
    """Return the unregistered methods of the routes below ``root``; ``"*"`` stands for every method."""
    return frozenset(method for route in _routes(root) for method in route.methods) - METHODS


def find_body_plans(root: Blueprint) -> list[BodyPlan]:
    """Return the plans of the routes below ``root`` that stream bodies or have their own limit."""
    return [route.body_plan for route in _routes(root) if route.body_plan is not None]


def _routes(root: Blueprint) -> Iterator[Route]:
    for blueprint in root.walk():
        yield from blueprint.routes
