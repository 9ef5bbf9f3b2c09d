"""All the places where a server listens.

What the user set is checked by :meth:`Listeners.from_settings`, without an application; the sockets are
opened by :meth:`Listeners.open`, here or in the process that starts this one.
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
"""The settings of one listener that needs no more than an address."""

KEYS: Final = ["bind", "mode", "proxy_protocol", "ssl"]
"""Of an entry that is a mapping."""

Sockets = list[list[socket.socket]]
"""Sockets that listen, by listener."""


class Listeners(Sequence[BaseListener]):
    """Where a server listens.

    :param listeners: at least one.
    """

    descriptors: ClassVar[Sequence[Sequence[int]] | None] = None
    """The sockets that this process has been given by another, by listener; ``None``: it opens them."""

    def __init__(self, listeners: Sequence[BaseListener]) -> None:
        self._listeners = tuple(listeners)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], *, name: str = "bind") -> "Listeners":
        """Return the listeners that a user has set.

        :param settings: of them, ``bind``, an address or a list of such, as
            :mod:`kyoukai.server.bind` has them, or mappings of :data:`KEYS`; or ``host`` and ``port``,
            or ``uds``: see :class:`~kyoukai.server.listener.Listener`; and ``ssl``, for those that have
            none of their own.
        :param name: what the user calls ``bind``.
        :raises ConfigurationError: if one of them is no such thing, or they exclude each other.
        """
        bind, ssl = settings.get(name), settings.get("ssl")
        if bind is None:
            listener = Listener(settings.get("host"), settings.get("port"), settings.get("uds"))
            listener.ssl = ssl
            return cls([listener])
        for other in SHORT_FORM:
            if settings.get(other) is not None:
                raise ConfigurationError(f"{name} excludes {other}: {name} has all the addresses")
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
        """Return the sockets of each listener, which listen.

        :param shared: whether further ones can be opened :meth:`beside` those of TCP.
        :raises ListenError: if one cannot be listened on. None is listened on then.
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
        """Return sockets for one more process.

        :param opened: what :meth:`open` returned, with ``shared``.
        :return: of TCP addresses that were opened here, new ones; otherwise the same, which are shared.
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
        """Return the sockets that another process has opened for these listeners.

        :param descriptors: by listener. They are the sockets' from now on.
        :raises ListenError: if one of them is no socket that can listen, or there are none for a listener.
        """
        if len(descriptors) != len(self) or not all(descriptors):
            raise ListenError(
                f"{len(self)} listeners were to get their sockets from another process, and got those of "
                f"{sum(map(bool, descriptors))}"
            )
        try:
            return [[inherit(descriptor) for descriptor in some] for some in descriptors]
        except OSError as error:
            raise ListenError(f"a socket of another process cannot be listened on: {error}") from error

    def remove(self) -> None:
        """Remove the Unix sockets that were made here from the file system."""
        for listener in self:
            listener.remove()

    # Between two servers, of which one takes the place of the other.

    def take(self, handed: Handed) -> None:
        """Have the sockets that are handed taken where they fit, when it is :meth:`open` that is called."""
        for listener in self:
            listener.handed = handed

    def own(self) -> None:
        """Take over what the server from before has left in the file system, which serves no more."""
        for listener in self:
            listener.own()

    def columns(self, slots: Sequence[Sockets]) -> list[Column]:
        """Return what another server is handed.

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
        """Leave the Unix sockets that another server has taken over, and remove the others.

        :param kept: the names of the sockets that it has taken over.
        """
        for listener, sockets in zip(self, opened, strict=True):
            if all(socket_name(sock) in kept for sock in sockets):
                listener.made = None
        self.remove()


def close(opened: Sockets) -> None:
    """Close sockets that were opened."""
    for sockets in opened:
        for sock in sockets:
            sock.close()


def _text(entry: Any) -> Any:
    return entry.get("bind") if isinstance(entry, Mapping) else entry


def _read_entry(name: str, entry: Any, ssl: Any) -> tuple[Bind, BaseListener]:
    """Return an entry's address, and its listener."""
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
    """Return the setting ``ssl`` of a listener; ``None``: it does not speak TLS.

    :param secure: whether it does, by its scheme.
    :param own: its own setting; ``False``: none.
    :param common: that of all.
    """
    if own is False:
        if secure:
            raise ConfigurationError(f"{where}, which is for TLS, and its ssl is false")
        return None
    if secure is False:
        if own is not None:
            raise ConfigurationError(f"{where}, which is not for TLS, and has ssl; it must be https://")
        return None
    setting = common if own is None else own
    if secure and setting is None:
        raise ConfigurationError(f"{where}, which is for TLS; ssl must have a certificate")
    return setting
