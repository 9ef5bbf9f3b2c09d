"""What the routes of an application declare that a server asks for before a request comes."""

import abc
import functools

from kyoukai.core.semantics.methods import METHODS
from kyoukai.core.serving.application import BodyPlan

from .blueprint import Blueprint


class DeclaredRoutes(Blueprint, abc.ABC):
    """The root of a tree of blueprints. What it says is asked for once the tree does not change any more."""

    @abc.abstractmethod
    def finalize(self) -> None:
        """Check the whole, and let nothing be added from here on."""

    @functools.cached_property
    def plans_every_body(self) -> bool:
        """Whether there are routes that stream bodies, or have a limit of their own."""
        return bool(self._body_plans())

    @functools.cached_property
    def largest_body(self) -> int:
        """The most bytes that a route takes which has a limit of its own; 0 where none has."""
        return max((plan.max_size or 0 for plan in self._body_plans()), default=0)

    @functools.cached_property
    def declared_methods(self) -> frozenset[str]:
        """The methods of routes and mounts besides the registered ones; ``"*"``: every method."""
        self.finalize()
        methods = {
            method for blueprint in self.walk() for route in blueprint.routes for method in route.methods
        }
        return frozenset(methods - METHODS)

    def _body_plans(self) -> list[BodyPlan]:
        self.finalize()
        plans = (route.body_plan for blueprint in self.walk() for route in blueprint.routes)
        return [plan for plan in plans if plan is not None]
