"""All places where a server listens.

:meth:`Listeners.from_settings` checks the settings without an application. :meth:`Listeners.open` opens the
    sockets, here or in the process that starts this one.
"""

import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from kyoukai.core.errors import ConfigurationError, ListenError
from kyoukai.core.limits import suggest
from kyoukai.server.bind import FORMS, Bind, parse_bind
from kyoukai.server.handed import Column, Handed, columns_of, socket_name
from kyoukai.server.inherited import InheritedListener
from kyoukai.server.listener import BaseListener, Listener
from kyoukai.server.sockets import inherit

SHORT_FORM: Final = ("host", "port", "uds")
"""The settings of one listener that stand for an address."""

KEYS: Final = ["bind", "mode", "proxy_protocol", "ssl"]
"""The keys of an entry that is a mapping."""

Sockets = list[list[socket.socket]]
"""Listening sockets, by listener."""


class Listeners(Sequence[BaseListener]):
    """The listeners of a server.

    :param listeners: at least one.
    """

    descriptors: ClassVar[Sequence[Sequence[int]] | None] = None
    """Descriptors that another process passed to this one, by listener; ``None``: this process opens its
    own.
    """

    def __init__(self, listeners: Sequence[BaseListener]) -> None:
        self._listeners = tuple(listeners)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], *, name: str = "bind") -> "Listeners":
        """Return the listeners for settings.

        :param settings: ``bind``, an address or a list of addresses in the form of
            :mod:`kyoukai.server.bind`, or mappings with :data:`KEYS`; or ``host`` and ``port``, or ``uds``:
            see
            :class:`~kyoukai.server.listener.Listener`; and ``ssl``, for listeners without their own.
        :param name: the name of ``bind`` in messages.
        :raises ConfigurationError: if one of them is invalid, or they exclude each other.
        """
        bind, ssl = settings.get(name), settings.get("ssl")
        if bind is None:
            listener = Listener(settings.get("host"), settings.get("port"), settings.get("uds"))
            listener.ssl = ssl
            return cls([listener])
        for other in SHORT_FORM:
            if settings.get(other) is not None:
                raise ConfigurationError(f"{name} excludes {other}: put all addresses into {name}")
        entries = [bind] if isinstance(bind, str | Mapping) else bind
        if not isinstance(entries, list | tuple) or not entries:
            raise ConfigurationError(f"{name} is {bind!r}; it must be an address, {FORMS}, or a list of them")
        listeners, known = [], set()
        for entry in entries:
            address, made = _read_entry(name, entry, ssl)
            key = replace(address, secure=None, proxy_protocol=False, mode=None)
            if key in known and (address.port or not address.host):
                raise ConfigurationError(f"{name} has {_text(entry)!r} twice")
            known.add(key)
            listeners.append(made)
        return cls(listeners)

    def __len__(self) -> int:
        return len(self._listeners)

    def __getitem__(self, index: Any) -> Any:
        return self._listeners[index]

    def __iter__(self) -> Iterator[BaseListener]:
        return iter(self._listeners)

    async def open(self, *, shared: bool = False) -> Sockets:
        """Return the listening sockets of each listener.

        :param shared: whether :meth:`beside` may open further sockets on the same TCP addresses.
        :raises ListenError: if an address cannot be listened on. All sockets are closed then.
        """
        if self.descriptors is not None:
            return self.adopt(self.descriptors)
        opened: Sockets = []
        try:
            for listener in self:
                opened.append(await listener.open(shared=shared))
        except BaseException:
            self.remove()
            close(opened)
            raise
        return opened

    def beside(self, opened: Sockets) -> Sockets:
        """Return the sockets for one more process.

        :param opened: the sockets that :meth:`open` returned, with ``shared``.
        :return: new sockets for TCP addresses that were opened here; the same ones otherwise, which are
            shared.
        :raises OSError: if they cannot listen.
        """
        made: Sockets = []
        try:
            for listener, sockets in zip(self, opened, strict=True):
                made.append([])
                for sock in sockets:
                    made[-1].append(listener.beside(sock))
        except BaseException:
            shared = {id(sock) for sockets in opened for sock in sockets}
            close([[sock for sock in sockets if id(sock) not in shared] for sockets in made])
            raise
        return made

    def adopt(self, descriptors: Sequence[Sequence[int]]) -> Sockets:
        """Return the sockets that another process opened for these listeners.

        :param descriptors: their descriptors, by listener. The sockets take ownership of them.
        :raises ListenError: if one is not a socket that can listen, or a listener has none.
        """
        if len(descriptors) != len(self) or not all(descriptors):
            raise ListenError(
                f"{len(self)} listeners need sockets from another process, which passed those of "
                f"{sum(map(bool, descriptors))}"
            )
        try:
            return [[inherit(descriptor) for descriptor in some] for some in descriptors]
        except OSError as error:
            raise ListenError(f"cannot listen on a socket from another process: {error}") from error

    def remove(self) -> None:
        """Remove the files of Unix sockets that were created here."""
        for listener in self:
            listener.remove()

    # Handover of sockets from an old server to a new one.

    def take(self, handed: Handed) -> None:
        """Let the next :meth:`open` take the matching sockets of the old server."""
        for listener in self:
            listener.handed = handed

    def own(self) -> None:
        """Take over the files of the old server, which no longer serves."""
        for listener in self:
            listener.own()

    def columns(self, slots: Sequence[Sockets]) -> list[Column]:
        """Return the sockets in the form that is handed to another server.

        :param slots: the sockets of each worker, as :meth:`open` and :meth:`beside` returned them.
        """
        return [
            column
            for place, listener in enumerate(self)
            for column in columns_of(
                place, listener.key, listener.made, [sock for opened in slots for sock in opened[place]]
            )
        ]

    def leave(self, opened: Sockets, kept: Collection[str]) -> None:
        """Leave the files of Unix sockets that another server took over, and remove the others.

        :param kept: names of the sockets that it took over.
        """
        for listener, sockets in zip(self, opened, strict=True):
            if all(socket_name(sock) in kept for sock in sockets):
                listener.made = None
        self.remove()


def close(opened: Sockets) -> None:
    """Close sockets."""
    for sockets in opened:
        for sock in sockets:
            sock.close()


def _text(entry: Any) -> Any:
    return entry.get("bind") if isinstance(entry, Mapping) else entry


def _read_entry(name: str, entry: Any, ssl: Any) -> tuple[Bind, BaseListener]:
    """Return the address and the listener of an entry."""
    options: dict[str, Any] = {}
    if isinstance(entry, Mapping):
        for key in entry:
            if key not in KEYS:
                raise ConfigurationError(f"unknown setting {key!r} in {name}; {suggest(str(key), KEYS)}")
        options = {key: entry[key] for key in ("mode", "proxy_protocol") if key in entry}
    bind = parse_bind(name, _text(entry), options)
    own = entry.get("ssl") if isinstance(entry, Mapping) else None
    made: BaseListener
    if bind.inherited:
        made = InheritedListener(bind.inherited)
    elif bind.path:
        made = Listener(uds=bind.path, mode=bind.mode)
    else:
        made = Listener(bind.host, bind.port)
    made.proxy_protocol = bind.proxy_protocol
    made.ssl = _choose_ssl(f"{name} is {_text(entry)!r}", bind.secure, own, ssl)
    return bind, made


def _choose_ssl(where: str, secure: bool | None, own: Any, common: Any) -> Any:
    """Return the ``ssl`` setting of a listener; ``None``: no TLS.

    :param secure: whether its scheme asks for TLS.
    :param own: its own setting; ``False``: no TLS.
    :param common: the setting shared by all listeners.
    """
    if own is False:
        if secure:
            raise ConfigurationError(f"{where}, which means TLS, but its ssl is false")
        return None
    if secure is False:
        if own is not None:
            raise ConfigurationError(f"{where}, which means no TLS, but it has ssl; it must be https://")
        return None
    setting = common if own is None else own
    if secure and setting is None:
        raise ConfigurationError(f"{where}, which means TLS; ssl must have a certificate")
    return setting
