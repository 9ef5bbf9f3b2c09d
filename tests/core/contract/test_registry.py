"""From a name to a backend: every way to succeed, and every way to fail with its own message.

The distributions are thrown together in a directory: a module, METADATA and entry_points.txt are
all that an installer would have left there.
"""

import importlib.metadata
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stevedore
import stevedore._cache

from kyoukai.core.contract.backend import Backend
from kyoukai.core.contract.registry import (
    GROUP,
    SUPPORTED_API_VERSIONS,
    Registration,
    check_backend,
    create_backend,
    describe,
    load_backend,
    registrations,
)
from kyoukai.core.errors import (
    BackendConflictError,
    BackendError,
    BackendLoadError,
    BackendOptionError,
    BackendVersionError,
    NotABackendError,
    UnknownBackendError,
)

OURS = [
    ("h2", "kyoukai.backends.h2_:H2Backend"),
    ("httptools", "kyoukai.backends.httptools_:HttptoolsBackend"),
    ("reference", "kyoukai.backends.reference:ReferenceBackend"),
]

PREAMBLE = """
import asyncio
from kyoukai.core.contract.backend import Backend as Base


class Good(Base):
    api_version = 1

    def create_protocol(self, component, parent_context, server_ip, server_port):
        return asyncio.Protocol()
"""

Install = Callable[..., Path]


def forget_entry_points() -> None:
    """Empty stevedore's caches: it takes the path for one that does not change in a process."""
    stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear()
    stevedore._cache._c._internal.clear()


@pytest.fixture(autouse=True)
def fresh_entry_points(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No cache in memory or on the disk from before the test, and none left after it."""
    monkeypatch.setattr(stevedore._cache._c, "_dir", str(tmp_path / "cache"))
    monkeypatch.setattr(stevedore._cache._c, "_disable_caching", True)
    forget_entry_points()
    yield
    forget_entry_points()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a distribution on the path. Its module has the name ``module`` and the text ``code``."""
    modules = set()

    def install_one(
        distribution: str,
        entry_points: dict[str, str] | None = None,
        *,
        version: str = "1.0",
        module: str = "",
        code: str = "",
        directory: str = "",
    ) -> Path:
        root = tmp_path / (directory or distribution)
        info = root / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        lines = [f"{name} = {reference}" for name, reference in (entry_points or {}).items()]
        info.joinpath("entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
        if module:
            modules.add(module)
            root.joinpath(f"{module}.py").write_text(PREAMBLE + textwrap.dedent(code))
        monkeypatch.syspath_prepend(root)
        forget_entry_points()
        return root

    yield install_one
    for name in modules:
        sys.modules.pop(name, None)


def failure(name: Any, error: type[BackendError]) -> tuple[str, BackendError]:
    """Return the message of the one error that loading ``name`` raises, and the error."""
    with pytest.raises(BackendError) as caught:
        load_backend(name)
    assert type(caught.value) is error
    message = str(caught.value)
    assert "\n" not in message
    return message, caught.value


# What is registered


def test_ours_are_registered() -> None:
    version = importlib.metadata.version("kyoukai")
    for name, reference in OURS:
        assert Registration(name, reference, "kyoukai", version) in registrations()


def test_registrations_are_sorted_and_say_where_they_come_from(install: Install) -> None:
    install("zed-dist", {"aaa": "zed:Good", "zzz": "zed:Other"}, version="2.1.dev3")
    install("alpha", {"mmm": "alpha_module:Good"})
    found = registrations()
    assert found == sorted(found)
    assert [entry for entry in found if entry.distribution != "kyoukai"] == [
        ("aaa", "zed:Good", "zed-dist", "2.1.dev3"),
        ("mmm", "alpha_module:Good", "alpha", "1.0"),
        ("zzz", "zed:Other", "zed-dist", "2.1.dev3"),
    ]


def test_listing_imports_nothing(install: Install) -> None:
    install("third", {"third": "third_module:Good"}, module="third_module", code="raise RuntimeError")
    assert "third" in [entry.name for entry in registrations()]
    assert "third_module" not in sys.modules


def test_a_distribution_that_is_on_the_path_twice_is_named_once(install: Install) -> None:
    for directory in ("one", "two"):
        install("third", {"third": "third_module:Good"}, module="third_module", directory=directory)
    assert [entry for entry in registrations() if entry.name == "third"] == [
        ("third", "third_module:Good", "third", "1.0")
    ]
    assert load_backend("third").__name__ == "Good"


def test_entry_point_without_a_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point = importlib.metadata.EntryPoint("stray", "stray_module:Good", GROUP)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: [entry_point])
    assert registrations() == [("stray", "stray_module:Good", "unknown", "unknown")]


# What loads


@pytest.mark.parametrize("name", [name for name, _ in OURS])
def test_ours_load(name: str) -> None:
    backend_class = load_backend(name)
    assert issubclass(backend_class, Backend)
    assert backend_class.api_version in SUPPORTED_API_VERSIONS
    assert type(create_backend(name)) is backend_class


def test_a_third_party_s_loads(install: Install) -> None:
    install("third", {"third": "third_module:Good"}, module="third_module")
    assert load_backend("third") is sys.modules["third_module"].Good
    assert type(create_backend("third")) is sys.modules["third_module"].Good


def test_only_the_requested_backend_is_imported(install: Install) -> None:
    install("third", {"third": "third_module:Good"}, module="third_module")
    install("broken", {"broken": "broken_module:Good"}, module="broken_module", code="raise RuntimeError")
    load_backend("third")
    assert "broken_module" not in sys.modules


FALSY = """
    class FalsyType(type(Base)):
        def __bool__(cls):
            return False

        def __len__(cls):
            return 0

    class Falsy(Good, metaclass=FalsyType):
        pass
"""


def test_a_class_that_is_false_loads(install: Install) -> None:
    install("third", {"third": "third_module:Falsy"}, module="third_module", code=FALSY)
    for name in ("third", "third_module:Falsy"):
        backend_class = load_backend(name)
        assert backend_class is sys.modules["third_module"].Falsy
        assert not backend_class
        assert isinstance(create_backend(name), backend_class)


NESTED = """
    class Outer:
        class Inner(Good):
            pass
"""


@pytest.mark.parametrize("attribute", ["Good", "Outer.Inner"])
def test_a_reference_loads(install: Install, attribute: str) -> None:
    install("third", module="third_module", code=NESTED)
    backend_class = load_backend(f"third_module:{attribute}")
    assert backend_class.__qualname__ == attribute


# Names that nobody registers


def test_a_name_that_is_nearly_right() -> None:
    message, _ = failure("refrence", UnknownBackendError)
    assert message == "unknown backend 'refrence'; did you mean reference? known: h2, httptools, reference"


def test_a_name_that_is_far_off() -> None:
    message, _ = failure("zzz", UnknownBackendError)
    assert message == "unknown backend 'zzz'; known: h2, httptools, reference"


def test_an_unknown_name_is_answered_with_all_that_are_installed(install: Install) -> None:
    install("third", {"quick": "third_module:Good"})
    message, _ = failure("quik", UnknownBackendError)
    assert message == "unknown backend 'quik'; did you mean quick? known: h2, httptools, quick, reference"


def test_a_name_is_not_compared_loosely() -> None:
    for name in ("Reference", "reference ", "ref"):
        failure(name, UnknownBackendError)


@pytest.mark.parametrize("name", ["", None, 5, ["reference"], b"reference", Backend], ids=repr)
def test_invalid_name(name: Any) -> None:
    message, _ = failure(name, UnknownBackendError)
    assert message == f"backend is {name!r}; it must be a name or module:attribute"


# Names that two register


@pytest.mark.parametrize("first", ["alpha", "beta"])
def test_a_conflict_names_both(install: Install, first: str) -> None:
    second = {"alpha": "beta", "beta": "alpha"}[first]
    for name, version in ((first, "1.0"), (second, "2.5")):
        entry_points = {"quick": f"{name}_module:Good", f"{name}-own": f"{name}_module:Good"}
        install(name, entry_points, version=version, module=f"{name}_module")
    message, _ = failure("quick", BackendConflictError)
    versions = {first: "1.0", second: "2.5"}
    assert message == (
        f"backend 'quick' is registered by alpha {versions['alpha']} (alpha_module:Good) "
        f"and beta {versions['beta']} (beta_module:Good); uninstall one, or select one by module:attribute"
    )
    assert {"alpha_module", "beta_module"}.isdisjoint(sys.modules)
    # The ways out that the message names, and the names that are not contested.
    assert load_backend("beta_module:Good").__module__ == "beta_module"
    assert load_backend("alpha-own").__module__ == "alpha_module"


def test_a_conflict_over_the_same_class(install: Install) -> None:
    install("alpha", {"quick": "shared_module:Good"}, module="shared_module")
    install("beta", {"quick": "shared_module:Good"})
    message, _ = failure("quick", BackendConflictError)
    assert "alpha 1.0" in message
    assert "beta 1.0" in message


def test_a_third_party_that_claims_a_name_of_ours(install: Install) -> None:
    install("third", {"reference": "third_module:Good"}, module="third_module")
    message, _ = failure("reference", BackendConflictError)
    assert "third 1.0 (third_module:Good)" in message
    assert "kyoukai.backends.reference:ReferenceBackend" in message
    assert load_backend("httptools").__name__ == "HttptoolsBackend"


# What does not load

LOAD_FAILURES = [
    pytest.param(
        "import not_installed_at_all",
        "Good",
        ModuleNotFoundError,
        "No module named 'not_installed_at_all'",
        id="ImportError",
    ),
    pytest.param("raise AssertionError('no luck')", "Good", AssertionError, "no luck", id="AssertionError"),
    pytest.param("import sys; sys.exit(3)", "Good", SystemExit, "3", id="SystemExit"),
    pytest.param("raise RuntimeError('no luck')", "Good", RuntimeError, "no luck", id="RuntimeError"),
    pytest.param(
        "raise RuntimeError('outer') from KeyError('inner')", "Good", RuntimeError, "outer", id="chained"
    ),
    pytest.param(
        "raise ImportError('outer') from KeyError('inner')",
        "Good",
        ImportError,
        "outer",
        id="chained-ImportError",
    ),
    pytest.param("raise LookupError('no luck')", "Good", LookupError, "no luck", id="LookupError"),
    pytest.param("a = = b", "Good", SyntaxError, "invalid syntax", id="SyntaxError"),
    pytest.param(
        "", "Missing", AttributeError, "module 'third_module' has no attribute 'Missing'", id="attribute"
    ),
    pytest.param("", "Good.Missing", AttributeError, "has no attribute 'Missing'", id="nested-attribute"),
]


@pytest.mark.parametrize("by", ["name", "reference"])
@pytest.mark.parametrize(("code", "attribute", "error", "said"), LOAD_FAILURES)
def test_load_failure(
    install: Install, by: str, code: str, attribute: str, error: type[BaseException], said: str
) -> None:
    reference = f"third_module:{attribute}"
    install("third", {"third": reference}, version="2.5", module="third_module", code=code)
    message, raised = failure("third" if by == "name" else reference, BackendLoadError)
    label = "backend 'third' of third 2.5" if by == "name" else f"backend {reference!r}"
    assert message.startswith(f"{label} cannot be loaded from {reference}: {error.__name__}: ")
    assert said in message
    assert type(raised.__cause__) is error


@pytest.mark.parametrize(
    "reference",
    [
        "not_installed_at_all:Good",
        "kyoukai:NotThere",
        "kyoukai:",
        ":Good",
        ":",
        "kyoukai.core.contract.backend:Backend:x",
    ],
)
def test_a_reference_that_leads_nowhere(reference: str) -> None:
    message, raised = failure(reference, BackendLoadError)
    assert message.startswith(f"backend {reference!r} cannot be loaded from {reference}: ")
    assert raised.__cause__ is not None


def test_a_module_that_is_not_there(install: Install) -> None:
    install("third", {"third": "third_module:Good"})
    message, raised = failure("third", BackendLoadError)
    assert message == (
        "backend 'third' of third 1.0 cannot be loaded from third_module:Good: "
        "ModuleNotFoundError: No module named 'third_module'"
    )
    assert isinstance(raised.__cause__, ModuleNotFoundError)


def test_a_listing_of_stevedore_s_that_is_out_of_date(install: Install) -> None:
    install("third", {"third": "third_module:Good"}, module="third_module")
    stevedore.ExtensionManager.ENTRY_POINT_CACHE[GROUP] = []
    message, _ = failure("third", BackendLoadError)
    assert message.startswith(
        "backend 'third' of third 1.0 cannot be loaded from third_module:Good: NoMatches: "
    )


def test_an_interrupt_is_no_load_failure(install: Install) -> None:
    install("third", {"third": "third_module:Good"}, module="third_module", code="raise KeyboardInterrupt")
    for name in ("third", "third_module:Good"):
        with pytest.raises(KeyboardInterrupt):
            load_backend(name)


# What loads and is no backend

NO_BACKENDS = """
    instance = Good()
    text = "Good"
    nothing = None

    def function():
        return Good()

    class Unrelated:
        api_version = 1

    class Abstract(Base):
        api_version = 1

    class AbstractTwice(Good):
        import abc

        @abc.abstractmethod
        def another(self):
            pass

        @abc.abstractmethod
        def a_third(self):
            pass
"""


@pytest.mark.parametrize("by", ["name", "reference"])
@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("instance", r"is <third_module\.Good object at 0x\w+>; it must be a subclass of kyoukai\.Backend"),
        ("text", "is 'Good'; it must be a subclass of kyoukai\\.Backend"),
        ("nothing", "is None; it must be a subclass of kyoukai\\.Backend"),
        ("function", r"is <function function at 0x\w+>; it must be a subclass of kyoukai\.Backend"),
        ("Unrelated", r"is <class 'third_module\.Unrelated'>; it must be a subclass of kyoukai\.Backend"),
        ("Base", "is abstract: Backend does not define create_protocol"),
        ("Abstract", "is abstract: Abstract does not define create_protocol"),
        ("AbstractTwice", "is abstract: AbstractTwice does not define a_third, another"),
    ],
)
def test_invalid_backend(install: Install, by: str, attribute: str, said: str) -> None:
    reference = f"third_module:{attribute}"
    install("third", {"third": reference}, module="third_module", code=NO_BACKENDS)
    message, _ = failure("third" if by == "name" else reference, NotABackendError)
    label = "backend 'third' of third 1.0" if by == "name" else f"backend {reference!r}"
    assert re.fullmatch(f"{re.escape(label)} {said}", message)


VERSIONS = """
    class Missing(Base):
        def create_protocol(self, *args):
            pass

    class Older(Good):
        api_version = 0

    class Newer(Good):
        api_version = 2

    class Negative(Good):
        api_version = -1

    class Truth(Good):
        api_version = True

    class Fraction(Good):
        api_version = 1.0

    class Text(Good):
        api_version = "1"

    class Nothing(Good):
        api_version = None

    class Several(Good):
        api_version = [1, 2]

    class Property(Good):
        @property
        def api_version(self):
            return 1
"""

NEWEST = """
    class Newest(Good):
        api_version = 3
"""


NEWER_BACKEND = "install a newer release of the backend, or an older Kyoukai"
NEWER_KYOUKAI = "install a newer Kyoukai, or an older release of the backend"
NO_VERSION = "its class must name the version that it was written for, a whole number"


@pytest.mark.parametrize("by", ["name", "reference"])
@pytest.mark.parametrize(
    ("attribute", "version", "remedy"),
    [
        ("Missing", "None", NO_VERSION),
        ("Negative", "-1", NEWER_BACKEND),
        ("Older", "0", NEWER_BACKEND),
        ("Newer", "2", NEWER_KYOUKAI),
        ("Truth", "True", NO_VERSION),
        ("Fraction", "1.0", NO_VERSION),
        ("Text", "'1'", NO_VERSION),
        ("Nothing", "None", NO_VERSION),
        ("Several", "[1, 2]", NO_VERSION),
        ("Property", r"<property object at 0x\w+>", NO_VERSION),
    ],
)
def test_api_version(install: Install, by: str, attribute: str, version: str, remedy: str) -> None:
    reference = f"third_module:{attribute}"
    install("third", {"third": reference}, module="third_module", code=VERSIONS)
    message, _ = failure("third" if by == "name" else reference, BackendVersionError)
    label = "backend 'third' of third 1.0" if by == "name" else f"backend {reference!r}"
    version = version if attribute == "Property" else re.escape(version)
    expected = f"has api_version {version}; this release of Kyoukai supports 1: {remedy}"
    assert re.fullmatch(f"{re.escape(label)} {expected}", message)


def test_the_version_that_is_supported(install: Install) -> None:
    install("third", {"third": "third_module:Good"}, module="third_module")
    assert load_backend("third").api_version == 1


def test_several_supported_versions_are_all_named(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that adapts an old contract lists both, and refuses what is on either side."""
    monkeypatch.setattr("kyoukai.core.contract.registry.SUPPORTED_API_VERSIONS", frozenset({2, 1}))
    install("third", {"third": "third_module:Newer"}, module="third_module", code=VERSIONS + NEWEST)
    assert load_backend("third").api_version == 2
    assert load_backend("third_module:Good").api_version == 1
    for attribute, remedy in (("Older", NEWER_BACKEND), ("Newest", NEWER_KYOUKAI)):
        message, _ = failure(f"third_module:{attribute}", BackendVersionError)
        assert message.endswith(f"supports 1, 2: {remedy}")


def test_supported_versions() -> None:
    assert frozenset({1}) == SUPPORTED_API_VERSIONS


def test_check_backend_returns_the_class(install: Install) -> None:
    install("third", module="third_module")
    good = load_backend("third_module:Good")
    assert check_backend(good, "it") is good
    with pytest.raises(NotABackendError, match=r"^it is 5; it must be a subclass of kyoukai\.Backend$"):
        check_backend(5, "it")


# Options

OPTIONS = """
    from kyoukai.core.errors import BackendOptionError

    class WithOptions(Good):
        def __init__(self, *, size=5, colour="red", **options):
            super().__init__(**options)
            if size == "broken":
                raise RuntimeError("out of luck")
            if colour not in ("red", "blue"):
                raise BackendOptionError(f"colour is {colour!r}; it must be red or blue")
            self.size = int(size)
            self.colour = colour
"""


@pytest.fixture
def with_options(install: Install) -> None:
    """A backend ``third`` that takes a size and a colour, and ``plain`` that takes nothing."""
    entry_points = {"third": "third_module:WithOptions", "plain": "third_module:Good"}
    install("third", entry_points, module="third_module", code=OPTIONS)


@pytest.mark.parametrize("options", [None, {}, {"size": "7"}, {"size": 7, "colour": "blue"}], ids=repr)
@pytest.mark.usefixtures("with_options")
def test_options(options: dict[str, Any] | None) -> None:
    backend = create_backend("third", options)
    expected = options or {}
    assert backend.size == int(expected.get("size", 5))  # type: ignore[attr-defined]
    assert backend.colour == expected.get("colour", "red")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        pytest.param(
            "third",
            {"colours": 1},
            "backend 'third': WithOptions does not know the backend option 'colours'; "
            "its options: size, colour",
            id="unknown",
        ),
        pytest.param(
            "third",
            {"colour": "green"},
            "backend 'third': colour is 'green'; it must be red or blue; its options: size, colour",
            id="refused-with-a-reason",
        ),
        pytest.param(
            "plain",
            {"size": 1},
            "backend 'plain': Good does not know the backend option 'size'; its options: none",
            id="none-known",
        ),
        pytest.param(
            "third",
            {"size": "x"},
            "backend 'third' refuses its options: invalid literal for int() with base 10: 'x'",
            id="ValueError",
        ),
        pytest.param(
            "third",
            {"size": "broken"},
            "backend 'third' refuses its options: out of luck",
            id="any-other-error",
        ),
    ],
)
@pytest.mark.usefixtures("with_options")
def test_bad_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BackendOptionError) as caught:
        create_backend(name, options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "cause"),
    [({"size": "x"}, ValueError), ({"size": []}, TypeError), ({5: 1}, TypeError), ([5], TypeError)],
    ids=["ValueError", "TypeError", "a-name-that-is-no-text", "no-mapping"],
)
@pytest.mark.usefixtures("with_options")
def test_bad_options_keep_their_cause(options: Any, cause: type[Exception]) -> None:
    with pytest.raises(BackendOptionError, match=r"^backend 'third' refuses its options: ") as caught:
        create_backend("third", options)
    assert type(caught.value.__cause__) is cause


@pytest.mark.parametrize(("name", "_"), OURS)
def test_bundled_backends_refuse_unknown_options(name: str, _: str) -> None:
    with pytest.raises(BackendOptionError, match=rf"^backend '{name}': .*'no_such_option'; its options: "):
        create_backend(name, {"no_such_option": 1})


def test_a_name_is_checked_before_its_options() -> None:
    with pytest.raises(UnknownBackendError):
        create_backend("zzz", {"size": 1})


# Describing


def test_describe(install: Install) -> None:
    install("third", {"broken": "third_module:Missing", "third": "third_module:Good"}, module="third_module")
    found = {entry.name: entry for entry in registrations()}
    assert describe(found["third"]) == (sys.modules["third_module"].Good, None)
    backend_class, error = describe(found["broken"])
    assert backend_class is None
    assert isinstance(error, BackendLoadError)
    assert "broken" in str(error)


def test_describe_a_conflict(install: Install) -> None:
    install("alpha", {"quick": "alpha_module:Good"}, module="alpha_module")
    install("beta", {"quick": "beta_module:Good"}, module="beta_module")
    contested = [entry for entry in registrations() if entry.name == "quick"]
    assert len(contested) == 2
    for entry in contested:
        backend_class, error = describe(entry)
        assert backend_class is None
        assert isinstance(error, BackendConflictError)
