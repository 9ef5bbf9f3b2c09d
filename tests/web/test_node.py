"""What a blueprint is to those below it, without routes and without an application."""

import asyncio
from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.web.node import Node, find_host
from kyoukai.web.scope import Scope


def below(parent: Node, name: str, **options: Any) -> Node:
    node = Node(name, **options)
    node.parent = parent
    return node


@pytest.fixture
def root() -> Node:
    return Node("root", prefix="/v1", host="example.com")


def test_a_node_has_the_prefixes_and_the_names_of_all_above_it(root: Node) -> None:
    users = below(root, "users", prefix="/users")
    photos = below(users, "photos", prefix="/<int:user>/photos")
    assert photos.lineage == [root, users, photos]
    assert photos.url_prefix == "/v1/users/<int:user>/photos"
    assert photos.qualify("show") == "root.users.photos.show"
    assert root.lineage == [root]
    assert repr(users) == "<Node 'users' '/users'>"


def test_the_host_is_the_nearest_one_with_the_subdomain_before_it(root: Node) -> None:
    users = below(root, "users")
    shop = below(users, "shop", subdomain="shop")
    other = below(shop, "other", host="example.org")
    assert [node.url_host for node in (users, shop, other)] == [
        "example.com",
        "shop.example.com",
        "example.org",
    ]
    assert find_host("it", None, "api", users) == "api.example.com"
    assert find_host("it", None, None, None) is None
    with pytest.raises(ConfigurationError, match=r"^it has the subdomain 'api', but no host; "):
        find_host("it", None, "api", Node("alone"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("", {}),
        ("a.b", {}),
        ("a", {"prefix": "a/"}),
        ("a", {"host": "a", "subdomain": "b"}),
        ("a", {"host": "A"}),
    ],
)
def test_what_cannot_be_used_is_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Node(name, **options)


def test_a_scope_is_made_of_nodes_alone(root: Node) -> None:
    child = below(root, "child")
    calls: list[str] = []
    for node in (child, root):
        name = node.name

        async def before(ctx: Any, name: str = name) -> None:
            calls.append(f"before {name}")

        async def after(ctx: Any, response: Any, name: str = name) -> None:
            calls.append(f"after {name}")

        node.before_request(before)
        node.after_request(after)
    scope = Scope(child.lineage)

    async def call() -> None:
        for hook in scope.before:
            await hook(None)
        for hook in scope.after:
            await hook(None, None)

    asyncio.run(call())
    assert calls == ["before root", "before child", "after child", "after root"]
    assert scope.error_handlers == (child.hooks.error_handlers, root.hooks.error_handlers)
    assert scope.bp is child


def test_nothing_is_added_to_a_finalized_node(root: Node) -> None:
    root.finalized = True
    adders = (
        root.before_request,
        root.after_request,
        root.errorhandler(404),
        root.before_serving,
        root.while_serving,
        root.after_serving,
    )
    for add in adders:
        with pytest.raises(
            RuntimeError, match=r"^blueprint 'root' belongs to an application that is finalized"
        ):
            add(lambda *args: None)
