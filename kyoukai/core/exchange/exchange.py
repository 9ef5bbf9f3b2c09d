"""The middle storey of the contract: one request and its answer, on any wire.

A backend whose wire is not HTTP/1 derives from :class:`Exchange`. It implements how an answer is written, and
calls the exchange with what it receives. Everything else is done here, once for all wires: policy, limits and
deadlines, content codings, bodies in memory or streamed, environ, context, errors, log and closing.

The calls for one request come in this order, all in the event loop::

    receive  receive_body*  receive_end                        the request
    send_informational*  send_head  send_data*  send_end       its answer, possibly before the request's end
    answered                                                   always last, unless the client is lost

If the answer is a tunnel, send_tunnel_head replaces send_head, and receive_body and receive_end carry the
client's data in the tunnel.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Request, Response

from ..errors import ProtocolError, identified, identifier_of, refused
from ..faults import is_fault
from ..features import Feature
from ..semantics import policy
from ..semantics.answer_head import AnswerHead
from ..semantics.field_pairs import FieldPairs
from ..semantics.request_head import RequestHead
from ..semantics.serialize import encode_lines, lowered_name
from .accepting import accept_head
from .access import client_address
from .answer_writer import AnswerWriter
from .body_stream import ClientGoneError
from .client_state import ClientState
from .early_hints import read_early_hints
from .error_response import error_response
from .request_body import RequestBody
from .request_ids import take_id
from .sending import Rest, send_response
from .tasks import begin_task
from .tunnel import Tunnel

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import BodyPlan
    from ..serving.server_state import Server

logger: Final = logging.getLogger("kyoukai.protocol")

OtherProtocol = TypeVar("OtherProtocol", bound=asyncio.Protocol)


class Answerer(Protocol):
    """Answers exchanges: an application of either form, wrapped by :mod:`kyoukai.core.applications`."""

    def is_told(self, exchange: "Exchange", error: HTTPException) -> bool:
        """Return whether the application answers a refusal itself, and prepare for that."""

    async def answer(self, exchange: "Exchange", shared: dict[str, Any]) -> None:
        """Answer one exchange. Only exceptions that end its task are raised.

        :param shared: the variables of the environ besides head and body: :attr:`Exchange.environ`.
        """


class Listener(Protocol):
    """An answering object that learns of the client's loss by itself."""

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for the client in a way that the loss ends."""

    @property
    def was_told(self) -> bool:
        """Whether it has learned of the loss, and may be cleaning up."""


class Owner(Protocol):
    """What the exchanges of one connection share. A :class:`Connection` is one."""

    server: "Server"
    app: Any
    answerer: Answerer
    parent_context: "Context"
    loop: asyncio.AbstractEventLoop
    environ: dict[str, Any]
    """The variables that the environs of all requests of the connection share."""
    features: frozenset[str]
    """The features that the wire claims."""


class Exchange(AnswerWriter):
    """One request and its answer. Each wire has its own subclass.

    All methods except :meth:`send_early_hints` are called in the event loop.

    :param owner: the connection, or another object that the exchanges share: see :class:`Owner`.
    :param client: the state of the client, if exchanges share it. By default each exchange has its own, for
        wires with flow control for each request.
    """

    __slots__ = (
        "_answer_head",
        "_listener",
        "_request_id",
        "_tunnel",
        "awaits_continue",
        "began",
        "body",
        "content",
        "error",
        "is_answered",
        "is_begun",
        "owner",
        "task",
    )

    def __init__(self, owner: Any, client: ClientState | None = None) -> None:
        super().__init__(owner.server, ClientState(owner.loop) if client is None else client)
        self.owner: Owner = owner
        """The connection, or another object that the exchanges share."""
        self.began = perf_counter()
        """When the head was read, in seconds of :func:`time.perf_counter`."""
        self.body: RequestBody | None = None
        """The request's body; ``None`` if it has none, or if the body is in :attr:`content`."""
        self.content: bytes | None = None
        """The body, if it arrived complete together with its head and has no content coding."""
        self.awaits_continue = False
        """Whether the client waits for ``100 Continue``, and this wire has not sent it yet."""
        self.error: HTTPException | None = None
        """Why the request is refused, or ``None``."""
        self.is_begun = False
        """Whether answering has begun."""
        self.is_answered = False
        """Whether the answer has been written."""
        self.task: asyncio.Task[None] | None = None
        """The task that answers, if answering had to wait."""

    # The wire's calls

    def receive(self, sent: RequestHead) -> None:
        """Take the head of the request. It is called once, with the complete head, and does not raise.

        If the policy refuses the head, the answer is the policy's error. A request without a body is answered
        now, and so is one whose body is streamed.

        :param sent: method, target, version, fields, and the size of the body.
        """
        server = self.server
        self.began = perf_counter()
        try:
            accepted = accept_head(sent, server)
        except ProtocolError as error:
            self.head = sent
            self.refuse(error)
            return
        self.head = accepted.head
        if accepted.fault is not None:
            self.refuse(accepted.fault)
        elif accepted.head.body_size == 0:
            self.begin()
        else:
            self.receive_announced()

    def receive_announced(self) -> None:
        """Prepare for the body that an accepted head announces, as the application wants it."""
        head, server = self.head, self.server
        self.body = body = RequestBody(head, server.limits.max_body_size)
        body.begin(server.clock)
        try:
            body.plan(self.ask_plan(), self.want_body, self.note_fault)
            if head.body_size is not None and head.body_size > body.max_size:
                raise refused("body-too-large")
        except ProtocolError as error:
            self.refuse(error)
            return
        except BaseException as exc:
            if not is_fault(exc):
                raise
            # This method must not raise, and the exception is not a refusal by the server.
            text = "receive_head failed on %s %r (request id %s)"
            logger.error(text, head.method, head.path, self.request_id, exc_info=exc)
            self.refuse(identified(InternalServerError(), "handler-failed"))
            return
        if body.stream is not None:
            self.begin()
        elif head.expects_continue and self.has_turn:
            self.send_continue()
        self.await_body()

    def take_whole(self, data: bytes) -> None:
        """Take a body that arrived complete together with its head. The caller begins the answer afterwards.

        The application is not asked how it wants such a body.
        """
        max_size = self.server.limits.max_body_size
        if not self.head.coding and len(data) <= max_size:
            self.content = data
            return
        self.body = body = RequestBody(self.head, max_size)
        try:
            body.take(data)
            body.finish(None, ())
        except ProtocolError as error:
            self.refuse(error)

    def receive_body(self, data: bytes) -> None:
        """Take a piece of the body, or of a tunnel's data, as it arrives.

        After a refusal, the answer or a loss, it is dropped. A body that is too large, or wrong in its
        content coding, is refused. If too much is unread, :meth:`pause_client` is called.

        :param data: content without the framing of this wire; a content coding is left in place.
        """
        body = self.body
        if body is None or body.is_whole or self.error is not None or self.client.is_gone:
            self.receive_beyond(data)
            return
        body.note_received(self.server.clock, len(data))
        self.take_body(data)
        self.await_body()

    def receive_end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        """Take the end of the body. It is called once, together with the last byte.

        A body that is shorter or longer than announced is refused, and so are trailers that are malformed or
        pass a limit. For a request without a body nothing happens, unless it offers a tunnel: then the client
        has ended its side of the tunnel.

        :param trailers: names and values behind the body; a wire that passes some claims ``trailers``.
        """
        body = self.body
        if body is None or body.is_whole or self.error is not None or self.client.is_gone:
            self.receive_beyond(None)
            return
        # The body may be complete while its client is still paused.
        self.let_go()
        try:
            if trailers:
                policy.check_trailers(trailers, self.server.limits)
            body.finish(self.head.body_size, trailers)
        except ProtocolError as error:
            self.refuse(error)
            return
        if body.stream is None:
            self.begin()

    def refuse(self, error: HTTPException) -> None:
        """Refuse the request, or the rest of its body. A wire calls it for faults that it finds itself.

        If the request is not being answered yet, ``error`` becomes the answer. A reader of a streamed body
        gets the error. Nothing changes for a request that was answered or refused before.

        :param error: an error with a status; its traceback is dropped.
        """
        if self.error is not None or self.is_answered or self.client.is_gone:
            return
        # Drop the traceback: it keeps what was read last alive until gc runs.
        error.__traceback__ = error.__context__ = error.__cause__ = None
        self.error, self.content = error, None
        if self.is_begun:
            self.warn_of(error)
        if self.body is not None:
            # Resume a paused client: it may end its side now, and that has to be noticed.
            self.let_go()
            self.body.fail(error)
        if not self.is_begun:
            self.begin()

    def warn_of(self, error: HTTPException) -> None:
        """Log a refusal: at DEBUG, and as a warning unless one of its kind has been logged in this minute.

        It is called when the refusal is answered, or raised to a reader of the body.
        """
        if self.body is not None:
            if self.body.is_reported:
                return
            self.body.is_reported = True
        identifier = identifier_of(error)
        logger.debug("refusing a request: %s (%s)", error, identifier)
        if error.code != InternalServerError.code:
            # A 500 is logged as an error, with its traceback.
            client = client_address(None, self.client_environ)
            self.server.refusals.note(identifier, client, self.server.clock)

    def pause_writing(self) -> None:
        """Note that the client reads more slowly than we write: content waits until it has caught up.

        A wire calls this and :meth:`resume_writing` for an exchange with its own client state, and for a
        tunnel.
        """
        tunnel = self.tunnel
        if tunnel is None:
            self.client.pause()
        else:
            tunnel.pause_writing(tunnel.source)

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        tunnel = self.tunnel
        if tunnel is None:
            self.client.resume()
        else:
            tunnel.resume_writing(tunnel.source)

    def end_client(self) -> None:
        """Note that the client has ended its side. It may be gone, or may still wait for its answer.

        An incomplete request is refused with 400. With ``cancel_on_disconnect``, the client counts as lost. A
        tunnel is told, and decides itself.
        """
        if self.tunnel is not None:
            self.tunnel.receive(None)
            return
        self.client.end()
        if self.server.cancel_on_disconnect:
            # Most clients that end their side have disconnected, and nothing else shows that they have.
            self.lose()
        elif self.body is not None and not self.body.is_whole:
            self.refuse(refused("body-incomplete"))
        elif not self.is_begun:
            self.refuse(refused("request-incomplete"))
        else:
            self.receive_beyond(None)

    def lose(self, cancel: bool = False) -> None:
        """Note that the client is gone, or has taken its request back.

        Nothing more is written, and :meth:`answered` is not called. A streamed answer is cut off; a handler
        is cancelled with ``cancel_on_disconnect`` and runs on otherwise. A reader of an incomplete body gets
        a ConnectionResetError. A tunnel is lost; the handler that opened it runs on, and the server keeps its
        task.

        :param cancel: whether to cancel a handler in any case, because the connection is cut off.
        """
        if self.tunnel is not None:
            self.tunnel.lose()
            return
        self.client.lose()
        if not self.is_begun:
            self.content = None
        if self.body is not None:
            self.body.fail(ClientGoneError("the client is gone"))
        if self.task is not None and not self.is_answered:
            self.server.keep(self.task)
            if cancel or self.is_cut_by_loss:
                self.task.cancel()

    @property
    def is_cut_by_loss(self) -> bool:
        """Whether the answering task is cancelled when the client is gone.

        A streamed answer is, unless a listener learns of the loss by itself. Any other one is with
        ``cancel_on_disconnect``. A task that is cleaning up already is not.
        """
        listener: Listener | None = getattr(self, "_listener", None)
        if listener is not None and listener.was_told:
            return False
        if self.server.cancel_on_disconnect or not self.status:
            return self.server.cancel_on_disconnect
        return listener is None or not listener.is_waiting

    def listen(self, listener: Listener) -> None:
        """Leave the client's loss to a listener while it waits for the client, or once it was told."""
        self._listener = listener

    def sweep(self, now: float) -> None:
        """Refuse a late body with 408. It is called with each sweep of the server.

        :param now: :attr:`Server.clock`, in seconds.
        """
        if self.body is not None and self.body.deadline <= now:
            self.refuse(refused("body-timeout"))

    # The application's calls, through ``ctx.proto``

    @property
    def component(self) -> Any:
        """The component that the connection serves; ``None`` if there is no component."""
        return getattr(self.owner, "component", None)

    @property
    def app(self) -> Any:
        """The application."""
        return self.owner.app

    @property
    def environ(self) -> dict[str, Any]:
        """The variables of the environ besides head and body: the client, and the server's address.

        By default they are those that all requests of the connection share. A wire that carries requests of
        several clients, such as FastCGI or HTTP/2 behind a proxy, overrides it.
        """
        return self.owner.environ

    @property
    def features(self) -> frozenset[str]:
        """The features that its wire claims."""
        return self.owner.features

    @property
    def client_ended(self) -> bool:
        """Whether the client has ended its side, or is gone."""
        return self.client.has_ended

    async def wait_client_ended(self) -> None:
        """Wait until the client has ended its side, or is gone."""
        await self.client.wait_ended()

    def send_early_hints(self, fields: FieldPairs) -> bool:
        """Send fields of the answer ahead of it, in a 103 (RFC 8297).

        It may be called several times, also in a thread. Nothing is sent if the client speaks HTTP/1.0
        (RFC 9110 section 15.2), is gone, or does not read; if the answer has begun; or if the backend lacks
        the feature ``early-hints``. The answer has to carry the fields too.

        :param fields: pairs of name and value, or a mapping from names to values.
        :return: whether it is sent.
        :raises InvalidResponseError: if a field cannot be sent.
        """
        pairs = read_early_hints(fields)
        if not pairs or Feature.EARLY_HINTS not in self.owner.features:
            return False
        try:
            is_here = asyncio.get_running_loop() is self.owner.loop
        except RuntimeError:
            is_here = False
        if is_here:
            return self._write_hints(pairs)
        # The thread's result reaches the loop by the same queue, after this.
        self.owner.loop.call_soon_threadsafe(self._write_hints, pairs)
        return self._takes_hints

    def _write_hints(self, pairs: list[tuple[str, str]]) -> bool:
        return self._takes_hints and self.send_informational("103 Early Hints", pairs)

    @property
    def _takes_hints(self) -> bool:
        return not (
            self.status
            or self.is_answered
            or self.head.version == "1.0"
            or self.client.is_paused
            or self.client_gone
        )

    @property
    def is_whole(self) -> bool:
        """Whether the request is complete. More of a refused request may be on its way.

        For a tunnel: whether the client has ended its side.
        """
        if self.tunnel is not None:
            return self.tunnel.has_ended
        return self.error is None and (self.body is None or self.body.is_whole)

    # Switching to another protocol

    def open_tunnel(
        self,
        protocol: str,
        fields: Sequence[tuple[str, str]],
        factory: "Callable[[], OtherProtocol]",
    ) -> "OtherProtocol | None":
        """Answer by switching to another protocol, if the client offers it and the backend can.

        After that, this exchange writes no other answer and reports the client as gone. The deadlines of the
        request end. The other protocol gets an ordinary transport, which reports the state of the connection.

        :param protocol: the token that the client has offered, such as ``"websocket"``; see
            :attr:`RequestHead.upgrade`.
        :param fields: names and values for the answer's head, besides those that name the protocol.
        :param factory: makes the other protocol. It is called before anything is written. Its
            ``connection_made`` is called with a transport for the tunnel alone, then ``data_received`` with
            the data that the client has already sent.
        :return: the result of ``factory``. ``None``: nothing was written, and the request is to be answered.
            The client does not offer the protocol or is gone, the request is incomplete or answered, or the
            backend does not claim the feature ``tunnel``.
        :raises InvalidResponseError: if a field cannot be sent.
        """
        if not self.may_open(protocol):
            return None
        for name, _ in fields:
            lowered_name(name)
        encode_lines([f"{name}: {value}" for name, value in fields])
        opened = factory()
        self.status = self.send_tunnel_head(protocol, fields)
        self.connect_tunnel(opened)
        return opened

    def may_open(self, protocol: str) -> bool:
        """Return whether a tunnel can be opened now: see :meth:`open_tunnel`."""
        return (
            Feature.TUNNEL in self.owner.features
            and protocol.lower() in [name.strip(" \t").lower() for name in self.head.upgrade.split(",")]
            and (self.body is None or self.body.is_whole)
            and not (self.status or self.is_answered or self.client_gone)
        )

    @property
    def tunnel(self) -> Tunnel | None:
        """The open tunnel, until its protocol was told of its end; otherwise ``None``."""
        tunnel: Tunnel | None = getattr(self, "_tunnel", None)
        return tunnel if tunnel is not None and tunnel.is_connected else None

    # Answering

    def write_response(self, response: Response, fake_environ: dict[str, Any]) -> Rest:
        """Write a Werkzeug response: its head, and a body in memory.

        A response that cannot be sent is logged, and a 500 is written instead.

        :param response: not closed by this method.
        :param fake_environ: the request's environ; its method and accepted types are read.
        :return: ``None`` if everything is written, or an awaitable that sends a streamed body.
        """
        return send_response(self, response, fake_environ, self.owner.app)

    def tell(self, request: Request | None, response: Response | None = None) -> None:
        """Tell the observer of answers that this one was written, or will not be."""
        observe = self.server.observe
        if observe is not None:
            observe(self, request, response)

    @property
    def request_id(self) -> str:
        """The id of the request: see :mod:`kyoukai.core.exchange.request_ids`.

        A request with an environ has its id there: :func:`~.request_ids.request_id`.
        """
        # Most requests are never asked for an id, so the attribute is not set in advance.
        known: str | None = getattr(self, "_request_id", None)
        if known is None:
            values = [value for name, value in self.head.fields if name.lower() == b"x-request-id"]
            sent = values[0].decode("latin-1") if len(values) == 1 else None
            self._request_id = known = take_id(sent, self)
        return known

    @property
    def client_environ(self) -> dict[str, Any]:
        """:attr:`environ`, updated with the client that a trusted proxy names in the head."""
        forwarding = self.server.forwarding
        if forwarding is None or not self.head.is_accepted:
            return self.environ
        environ = self.head.environ | self.environ
        forwarding.apply(environ)
        return environ

    @property
    def answer_head(self) -> AnswerHead | None:
        """The head of the answer, if the application sent it without a Werkzeug response; else ``None``."""
        return getattr(self, "_answer_head", None)

    @answer_head.setter
    def answer_head(self, head: AnswerHead) -> None:
        self._answer_head = head

    @property
    def received(self) -> int:
        """Bytes of the request's content received, before a content coding is decoded."""
        if self.body is not None:
            return self.body.size
        return 0 if self.content is None else len(self.content)

    def finish(self) -> None:
        """Note that the answer is written and its resources are closed."""
        self.task = None
        self.is_answered = True
        if self.client.is_gone:
            return
        self.leave_body()
        early: Tunnel | None = getattr(self, "_tunnel", None)
        if early is not None:
            early.drop()
            self.forget_tunnel()
        self.answered()

    def leave_body(self) -> None:
        """Stop reading the body: the request is answered. The deadline for the rest of it stays."""
        if self.body is not None and self.body.stream is not None:
            self.body.stream.fail(RuntimeError("the request was answered, so its body can no longer be read"))
            self.let_go()

    # Defaults that a wire may override

    def connect_tunnel(self, protocol: asyncio.Protocol) -> None:
        """Connect a protocol to the tunnel whose head was written."""
        client, owner = self.client, self.owner
        shared = getattr(owner, "client", None)
        self.client = ClientState(owner.loop)
        self.client.lose()
        source = owner if client is shared else self
        pauses = {source} if client.is_paused else set()
        if client is not shared:
            client.end()
            if shared is not None and shared.is_paused:
                pauses.add(owner)
        if self.task is not None:
            self.server.keep(self.task)
        tunnel: Tunnel | None = getattr(self, "_tunnel", None)
        if tunnel is None:
            self._tunnel = tunnel = Tunnel(self)
        tunnel.connect(protocol, source, pauses)

    def receive_beyond(self, data: bytes | None) -> None:
        """Take data that belongs to no awaited body.

        It goes to the tunnel, or to one that may be opened; otherwise it is dropped.

        :param data: ``None`` for the end of the data.
        """
        tunnel: Tunnel | None = getattr(self, "_tunnel", None)
        if tunnel is None and self._awaits_tunnel:
            self._tunnel = tunnel = Tunnel(self)
        if tunnel is not None:
            tunnel.receive(data)

    def forget_tunnel(self) -> None:
        """Drop the tunnel: it is at its end, or was not opened."""
        del self._tunnel

    @property
    def _awaits_tunnel(self) -> bool:
        return bool(
            self.head.upgrade
            and Feature.TUNNEL in self.owner.features
            and self.error is None
            and not (self.status or self.is_answered or self.client.is_gone)
        )

    def cut_off(self) -> None:
        """End without an answer, or without the rest of it: the answering task has ended early."""
        self.reset()

    @property
    def has_turn(self) -> bool:
        """Whether its answer may be written now; HTTP/1 answers in the order of the requests."""
        return True

    def begin(self) -> None:
        """Note that it can be answered: the request is complete or refused, or its body is streamed."""
        self.is_begun = True
        self.start()

    def start(self) -> None:
        """Start answering: at once if the server answers alone, otherwise in a task."""
        error = self.error
        if error is not None and not self.owner.answerer.is_told(self, error):
            self.warn_of(error)
            self.answer_refusal(error)
        else:
            self.start_task()

    def start_task(self) -> None:
        """Answer in a new task, with its own copy of the server's context variables."""
        owner = self.owner
        answering = owner.answerer.answer(self, self.environ)
        self.note_task(begin_task(owner.loop, answering, owner.server.context.copy()))

    def note_task(self, task: "asyncio.Task[None] | None") -> None:
        """Keep the answering task; ``None`` if it has already ended."""
        if task is not None:
            self.task = task
            if self.client.is_gone:  # pragma: no cover (since Python 3.12)
                # The handler has closed the connection or handed it on, and is still running.
                self.server.keep(task)

    def answer_refusal(self, error: HTTPException) -> None:
        """Answer a refusal without asking the application."""
        head = self.head
        environ = {"REQUEST_METHOD": head.method or "GET", "SERVER_PROTOCOL": f"HTTP/{head.version}"}
        response = error_response(error, head.accept)
        self.write_response(response, environ)
        self.tell(None, response)
        self.finish()

    def is_ended_by(self, exc: BaseException) -> bool:
        """Return whether ``exc`` ends the answering task, and is not a fault of what the task called."""
        if isinstance(exc, GeneratorExit):
            # A task that is collected gets it from outside. A running one got it from something that it
            # called.
            return self.task is not None and asyncio.current_task(self.owner.loop) is not self.task
        return not is_fault(exc)

    def ask_plan(self) -> "BodyPlan | None":
        """Return how the application wants the body."""
        ask = getattr(self.owner.app, "receive_head", None)
        if ask is None:
            return None
        plan: BodyPlan | None = ask(self.head.environ | self.client_environ)
        return plan

    def take_body(self, data: bytes) -> None:
        """Take a piece of the body whose arrival was noted already."""
        try:
            self.body.take(data)  # type: ignore[union-attr]
        except ProtocolError as error:
            self.refuse(error)

    def await_body(self) -> None:
        """Set the deadline for the rest of the body, or make the client wait."""
        body = self.body
        if body is None or body.is_whole or self.error is not None:
            return
        if body.await_more(self.server.clock, self.server.limits, self.awaits_continue):
            self.pause_client()

    def send_continue(self) -> None:
        """Ask the client for the body (RFC 9110 section 15.2.1), if this wire does so."""
        self.awaits_continue = False

    def want_body(self) -> None:
        """Let the client continue: the received part of a streamed body was read.

        :raises RuntimeError: if the client waits for ``100 Continue``, and got the head of the answer
            instead.
        """
        # A client may send after a short wait without a 100 (RFC 9110 section 10.1.1).
        if self.awaits_continue and self.body is not None and not (self.body.is_whole or self.body.size):
            if self.status:
                raise RuntimeError(
                    "the answer has begun without 100 Continue, so the client does not send the body"
                )
            self.send_continue()
        self.let_go()

    def let_go(self) -> None:
        """Let a paused client continue."""
        server = self.server
        if self.body is not None and self.body.let_go(server.clock, server.limits) and not self.client_gone:
            self.resume_client()

    def break_body(self, error: ProtocolError) -> None:
        """Make reads of the body raise ``error``: the application is asked to answer a refusal."""
        if self.body is None:
            self.body = RequestBody(self.head, self.server.limits.max_body_size)
        self.body.break_for(error)

    @property
    def refusal(self) -> ProtocolError | None:
        """The refusal that the application is asked to answer; ``None`` for a normal request."""
        error = self.error
        if isinstance(error, ProtocolError) and self.body is not None and self.body.is_refused:
            return error
        return None

    def note_fault(self, error: HTTPException) -> None:
        """Note an error in the content coding of a streamed body. The answer becomes the last."""
        self.error = error
        self.warn_of(error)
