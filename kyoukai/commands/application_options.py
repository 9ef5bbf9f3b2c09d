"""What ``kyoukai run`` can be told of an application: rows of the table in ``options``."""

from typing import Final

from kyoukai.commands.kinds import choice, folder, pairs, switch, text
from kyoukai.commands.option import Option, component, process
from kyoukai.server.hosting import AUTO, INTERFACES, LIFESPANS

APPLICATION: Final[tuple[Option, ...]] = (
    process(
        "app_dir",
        folder(),
        "Look for the application's module here first.",
        "the current folder",
    ),
    component(
        "factory",
        switch(),
        "TARGET is a function that returns the application; without an attribute, 'create_app'.",
        "false",
    ),
    component(
        "interface",
        choice(*INTERFACES),
        "The application is one of Kyoukai, ASGI or WSGI; auto: as the way in which it is called says.",
        AUTO,
    ),
    component(
        "root_path",
        text("PATH"),
        "Where an application of ASGI or WSGI is mounted, by a proxy that takes this off the path.",
    ),
    component(
        "lifespan",
        choice(*LIFESPANS),
        "Whether the lifespan of an application of ASGI is run; auto: where it has one.",
        "auto",
    ),
    component(
        "websocket_options",
        pairs(),
        "Set a limit or a deadline of the WebSockets of an application of ASGI, such as "
        "max_message_size=16777216; V is read as YAML. May be given several times.",
        singular="websocket_option",
    ),
    component(
        "resource_name",
        text("NAME"),
        "The name of the component's resources, where a process has several servers.",
        "default",
    ),
)
