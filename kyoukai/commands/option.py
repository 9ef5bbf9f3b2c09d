"""One option of ``kyoukai run``, and what its name makes of it: a flag, a variable, a key."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Final, Literal, TypeAlias

from kyoukai.commands.kinds import Kind, number, whole
from kyoukai.core.limits import Limits

PREFIX: Final = "KYOUKAI_"

Owner: TypeAlias = Literal["component", "process", "supervisor"]
"""Who acts on an option: the component, under Asphalt's own command too; the process that serves, by a
keyword of :func:`~kyoukai.server.launch.launch`; or the supervisor of several such, by a field of
:class:`~kyoukai.server.supervisor.settings.Supervision`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One of the things that ``kyoukai run`` can be told."""

    owner: Owner
    name: str
    """As it stands in the flag and in the variable; and, unless there is a key, in a file and in Python."""
    kind: Kind
    help: str
    """A sentence or several, for the help and for the documentation."""
    default: str = ""
    """What is so where it is not given, in words; empty: nothing is."""
    key: str = ""
    """Where it is in a configuration file, under the component, and in the keywords of ``app.run()``:
    ``limits.max_body_size``. Empty: it is the name."""
    singular: str = ""
    """The name in the flag, where the flag has one of several; empty: it is the name."""
    secret: bool = False
    """Whether its value must not be printed."""
    group: str = ""
    """The section of the help and of the documentation. The table sets it."""

    @property
    def path(self) -> tuple[str, ...]:
        """The key's parts."""
        return tuple((self.key or self.name).split("."))

    @property
    def flag(self) -> str:
        """The flag that gives it; of a switch, the one that turns it on."""
        return f"--{(self.singular or self.name).replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable that gives it."""
        return f"{PREFIX}{self.name.upper()}"


component: Final = partial(Option, "component")
process: Final = partial(Option, "process")
supervisor: Final = partial(Option, "supervisor")


def limit_options() -> Iterator[Option]:
    """Yield the options of the limits: each says what the limit says."""
    for field in dataclasses.fields(Limits):
        meaning, unit, least = (field.metadata[name] for name in ("meaning", "unit", "least"))
        metavar = unit.upper().replace(" PER ", "/")
        is_whole = field.type in (int, "int")
        kind = whole(metavar, least, unit=unit) if is_whole else number(metavar, least, unit=unit)
        yield component(
            field.name,
            kind,
            f"{meaning[0].upper()}{meaning[1:]}.",
            str(field.default) if is_whole else f"{field.default:g}",
            f"limits.{field.name}",
        )
