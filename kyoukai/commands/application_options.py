"""The options of ``kyoukai run`` for an application: rows of the table in ``options``."""

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
        "TARGET names a function that returns the application. Its default name is 'create_app'.",
        "false",
    ),
    component(
        "interface",
        choice(*INTERFACES),
        "The interface of the application: Kyoukai's own, ASGI or WSGI; auto: found out by its signature.",
        AUTO,
    ),
    component(
        "root_path",
        text("PATH"),
        "The path prefix that a proxy in front removes from each URL. For applications of ASGI or WSGI.",
    ),
    component(
        "lifespan",
        choice(*LIFESPANS),
        "Whether to run the lifespan of an ASGI application: the application's own code for start and stop."
        " auto: if the application has a lifespan.",
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
        "The name under which the server's objects are published to other components. Needed if a process "
        "has several servers.",
        "default",
    ),
)
