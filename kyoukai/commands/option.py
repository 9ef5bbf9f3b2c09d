"""One option of ``kyoukai run``, with the flag, the variable and the key that its name gives."""

import dataclasses
from collections.abc import Iterator
from functools import partial
from typing import Final, Literal, TypeAlias

from kyoukai.commands.kinds import Kind, number, whole
from kyoukai.core.limits import Limits

PREFIX: Final = "KYOUKAI_"

Owner: TypeAlias = Literal["component", "process", "supervisor"]
"""The part that uses an option: the component, also under Asphalt's own command; the serving process, as a
keyword of :func:`~kyoukai.server.launch.launch`; or its supervisor, as a field of
:class:`~kyoukai.server.supervisor.settings.Supervision`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """An option of ``kyoukai run``."""

    owner: Owner
    name: str
    """Its name in the flag and the variable and, without a ``key``, in a file and in Python."""
    kind: Kind
    help: str
    """One or more sentences, for the help and the documentation."""
    default: str = ""
    """The default, as a value or in words; empty: none."""
    key: str = ""
    """Its place below the component in a configuration file, and in the keywords of ``app.run()``:
    ``limits.max_body_size``. Empty: the name."""
    singular: str = ""
    """The name in the flag, if the flag can be repeated and takes one part of the value; empty: the name."""
    secret: bool = False
    """Whether its value must not be printed."""
    group: str = ""
    """The section in the help and the documentation. The table sets it."""

    @property
    def path(self) -> tuple[str, ...]:
        """The parts of the key."""
        return tuple((self.key or self.name).split("."))

    @property
    def flag(self) -> str:
        """The flag; of a switch, the flag that turns it on."""
        return f"--{(self.singular or self.name).replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"{PREFIX}{self.name.upper()}"


component: Final = partial(Option, "component")
process: Final = partial(Option, "process")
supervisor: Final = partial(Option, "supervisor")


def limit_options() -> Iterator[Option]:
    """Yield an option for each limit, with the limit's own description."""
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
