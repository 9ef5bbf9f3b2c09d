"""The table of all options of ``kyoukai run``.

Each row gives the flag with its help, the environment variable, the check of the key in a configuration file,
and a row in the documentation. CONTRIBUTING.md says how to add one.
"""

import dataclasses
from typing import Final

from kyoukai.commands.application_options import APPLICATION
from kyoukai.commands.kinds import (
    addresses,
    any_text,
    choice,
    folder,
    number,
    pairs,
    several,
    switch,
    text,
    whole,
)
from kyoukai.commands.option import Option, component, limit_options, process, supervisor
from kyoukai.commands.proxy_options import PROXIES
from kyoukai.server.access_log import DEFAULT_FORMAT
from kyoukai.server.launch import LOOPS, START_TIMEOUT
from kyoukai.server.log_files import FORMS
from kyoukai.server.logs import LOG_LEVELS
from kyoukai.server.supervisor.changes import PATTERNS
from kyoukai.server.supervisor.settings import WORKER_TIMEOUT

TABLE: Final[dict[str, tuple[Option, ...]]] = {
    "Application": APPLICATION,
    "Addresses": (
        component(
            "bind",
            several(addresses()),
            "Listen on HOST:PORT, [IPV6]:PORT, unix:PATH, fd:NUMBER or fd:NAME. Begin the address with "
            "http:// or https:// to turn TLS off or on for it alone. May be given several times.",
        ),
        component(
            "host",
            several(text("HOST", "a host name or an IP address")),
            "Listen on this name or address; '::': all addresses, IPv6 and IPv4. May be given several times.",
            "127.0.0.1",
        ),
        component(
            "port",
            whole("PORT", 0, 65535),
            "Listen on this port; 0: any free port.",
            "8000",
        ),
        component("uds", text("PATH"), "Listen on a Unix socket instead of a host and a port."),
    ),
    "TLS": (
        component(
            "ssl_certfile",
            text("PATH"),
            "Serve by TLS with this certificate and its chain (PEM).",
            key="ssl.certificate",
        ),
        component(
            "ssl_keyfile",
            text("PATH"),
            "The certificate's key (PEM), if in another file.",
            key="ssl.key",
        ),
        component(
            "ssl_keyfile_password",
            text("PASSWORD"),
            "The key's password. Every user of the machine can read a flag: use the variable.",
            key="ssl.password",
            secret=True,
        ),
        component(
            "ssl_alpn",
            several(text("PROTOCOL", "the name of a protocol")),
            "Offer these protocols by ALPN, in place of the backend's. May be given several times.",
            key="ssl.alpn",
        ),
        component(
            "ssl_client_ca",
            text("PATH"),
            "Ask clients for a certificate that was issued by an authority in this file (PEM).",
            key="ssl.client_ca",
        ),
        component(
            "ssl_client_certificates",
            choice("required", "optional"),
            "Whether clients must present a certificate.",
            "required, with --ssl-client-ca",
            key="ssl.client_certificates",
        ),
    ),
    "Proxies": PROXIES,
    "HTTP": (
        component(
            "backend",
            several(text("NAME", "a name or module:attribute")),
            "Speak HTTP by this backend: see 'kyoukai backends'; or module:attribute. May be given several "
            "times, in order of preference: each client chooses.",
            "httptools",
        ),
        component(
            "backend_options",
            pairs(),
            "Set an option of the backend; V is read as YAML. May be given several times. With "
            "several backends, K is NAME.OPTION.",
            singular="backend_option",
        ),
        component(
            "server_field",
            any_text("TEXT"),
            "The Server field of every answer; empty: none.",
            "kyoukai",
        ),
        component(
            "cancel_on_disconnect",
            switch(),
            "Cancel a handler when its client disconnects, or ends only its sending side.",
            "false",
        ),
    ),
    "Processes": (
        supervisor(
            "workers",
            whole("N", 1),
            "Serve with this many supervised processes.",
            "none: one process, unsupervised",
        ),
        supervisor(
            "worker_timeout",
            number("SECONDS"),
            "Replace a worker whose event loop is blocked for this long; 0: never.",
            f"{WORKER_TIMEOUT:g}",
        ),
        supervisor("max_requests", whole("N"), "Replace a worker after this many requests; 0: never.", "0"),
        supervisor(
            "max_requests_jitter",
            whole("N"),
            "Add a random number up to this to --max-requests, for each worker.",
            "0",
        ),
        supervisor("max_worker_age", number("SECONDS"), "Replace a worker after this time; 0: never.", "0"),
        supervisor(
            "max_worker_memory",
            whole("BYTES"),
            "Replace a worker that has this much resident memory; 0: never.",
            "0",
        ),
        supervisor(
            "shutdown_delay",
            number("SECONDS"),
            "Accept connections for this long after the signal to stop, while /readyz fails.",
            "0",
        ),
        supervisor(
            "pid", text("PATH"), "Write the supervisor's process id into this file while it serves.", "none"
        ),
        process(
            "loop",
            choice(*LOOPS),
            "Run on this event loop.",
            "uvloop where it is installed",
        ),
        process(
            "max_threads",
            whole("NUMBER", 1),
            "Threads for plain functions and files. A WSGI application has another pool of the same size for "
            "itself.",
            "the number of cores plus 4, at most 32",
        ),
        process(
            "start_timeout",
            number("SECONDS"),
            "Longest time that the start may take; 0: no limit.",
            f"{START_TIMEOUT:g}",
        ),
    ),
    "Observing": (
        supervisor(
            "admin",
            several(addresses()),
            "The supervising process answers /livez, /readyz and /metrics at this address, written as for "
            "--bind. May be given several times.",
            "nowhere",
        ),
        process(
            "log_level",
            choice(*LOG_LEVELS),
            "Log messages of at least this level; the application's too, if it has not set up logging.",
            "INFO",
        ),
        process(
            "log_file",
            text("FILE"),
            "Log into this file; '-': on standard output.",
            "standard error",
        ),
        process("log_format", choice(*FORMS), "The format of log lines.", "text"),
        component("access_log", switch(), "Log a line for every response.", "true"),
        component(
            "access_log_format",
            text("TEMPLATE"),
            "The format of lines of the access log: a template, or 'json'.",
            DEFAULT_FORMAT,
        ),
        component(
            "traces",
            switch(),
            "Trace requests with OpenTelemetry; its variables OTEL_* configure it.",
            "false",
        ),
        process(
            "access_log_file",
            text("FILE"),
            "Write the access log into this file only; '-': on standard output.",
            "the log",
        ),
    ),
    "Development": (
        supervisor(
            "reload",
            switch(),
            "Reload the application when a file of it changes; if it cannot be loaded, show an error page.",
            "false",
        ),
        supervisor(
            "reload_dirs",
            several(folder()),
            "Watch the files in this folder. May be given several times.",
            "the folder of the application's module",
            singular="reload_dir",
        ),
        supervisor(
            "reload_include",
            several(text("PATTERN")),
            "Watch the files whose names match. May be given several times.",
            ", ".join(PATTERNS),
        ),
        supervisor(
            "reload_exclude",
            several(text("PATTERN")),
            "Ignore files and folders whose names or paths match. May be given several times.",
            "none",
        ),
        component(
            "debug",
            switch(),
            "Show the debugger when a handler fails, to clients on this machine. Never use it in production.",
            "false",
        ),
        component(
            "trace",
            switch(),
            "Log the bytes and the parser's calls of each connection.",
            "false",
        ),
    ),
    "Limits": tuple(limit_options()),
}
"""The options by section of the help and the documentation, in order."""

OPTIONS: Final = tuple(
    dataclasses.replace(option, group=group) for group, options in TABLE.items() for option in options
)

BY_NAME: Final = {option.name: option for option in OPTIONS}

COMPONENT_SETTINGS: Final = sorted(
    {"app"} | {option.path[0] for option in OPTIONS if option.owner == "component"}
)
"""The top-level settings of the component."""

PROCESS_SETTINGS: Final = sorted({option.path[0] for option in OPTIONS if option.owner != "component"})
"""The top-level settings beside them, for the process and its supervisor."""
