"""Backends whose wires break rules: faults that an author may well make on Connection and Exchange."""

import logging
from typing import Any, ClassVar

from framed_backend import FramedBackend, FramedConnection, FramedExchange

from kyoukai import Connection
from kyoukai.core.exchange.environ import build_environ
from kyoukai.core.exchange.tunnel import Tunnel
from kyoukai.core.serving.application import BodyPlan


class Sound(FramedBackend):
    """What the mutants derive from; it keeps all rules of its storey."""

    connection: ClassVar[type[FramedConnection]] = FramedConnection
    exchange: ClassVar[type[FramedExchange]] = FramedExchange

    def create_protocol(self, *connection: Any) -> FramedConnection:
        protocol = self.connection(*connection)
        protocol.exchange_class = self.exchange
        return protocol


class Unnamed(Sound):
    """It names no adapter: tests give one."""

    testing_adapter = None


def of_connection(cls: type[FramedConnection]) -> type[Sound]:
    """Return a backend whose connections are of this class."""
    return type(cls.__name__, (Sound,), {"connection": cls, "__doc__": cls.__doc__})


def of_exchange(cls: type[FramedExchange]) -> type[Sound]:
    """Return a backend whose exchanges are of this class."""
    return type(cls.__name__, (Sound,), {"exchange": cls, "__doc__": cls.__doc__})


# What comes in


@of_connection
class LosesTheQuery(FramedConnection):
    """A target ends with its path."""

    def receive_frame(self, exchange: Any, kind: bytes, payload: bytes) -> None:
        if kind == b"H":
            payload = payload.replace(b"?d=%41&e=/*", b"")
        super().receive_frame(exchange, kind, payload)


@of_connection
class TakesUnderscores(FramedConnection):
    """An underscore in a name is a dash to it: one field passes for another."""

    def receive_frame(self, exchange: Any, kind: bytes, payload: bytes) -> None:
        super().receive_frame(exchange, kind, payload.replace(b"X_A", b"X-A"))


@of_connection
class LosesTheEnd(FramedConnection):
    """It does not tell that a body is whole."""

    def receive_frame(self, exchange: Any, kind: bytes, payload: bytes) -> None:
        if kind != b"E":
            super().receive_frame(exchange, kind, payload)


@of_connection
class TellsTheEndAtOnce(FramedConnection):
    """It takes the first piece of a body for the last one."""

    def receive_frame(self, exchange: Any, kind: bytes, payload: bytes) -> None:
        super().receive_frame(exchange, kind, payload)
        if kind == b"D" and exchange.head.method == "PATCH":
            exchange.receive_body(b"56789")
            exchange.receive_end()


@of_connection
class ReadsText(FramedConnection):
    """It takes content for text."""

    def receive_frame(self, exchange: Any, kind: bytes, payload: bytes) -> None:
        if kind == b"D":
            payload = payload.decode("ascii", "replace").encode("ascii", "replace")
        super().receive_frame(exchange, kind, payload)


@of_exchange
class HoldsStreams(FramedExchange):
    """A body is passed on when it is whole."""

    __slots__ = ("held",)

    def receive_body(self, data: bytes) -> None:
        self.held = [*getattr(self, "held", ()), data]

    def receive_end(self, trailers: Any = ()) -> None:
        for data in getattr(self, "held", ()):
            super().receive_body(data)
        super().receive_end(trailers)


@of_exchange
class DropsTheirTrailers(FramedExchange):
    """The trailer fields of requests are lost."""

    def receive_end(self, trailers: Any = ()) -> None:
        super().receive_end()


@of_connection
class TakesTheEndForTheBodys(FramedConnection):
    """It takes the end of the connection for the end of the body."""

    def receive_frame(self, exchange: Any, kind: bytes, payload: bytes) -> None:
        if kind == b"H" and b"/breaks" in payload:
            payload = payload.replace(b'"size": 10', b'"size": null')
        super().receive_frame(exchange, kind, payload)

    def eof_received(self) -> bool:
        if self.exchange is not None:
            self.exchange.receive_end()
        return super().eof_received()


# What goes out


@of_exchange
class AnswersTwice(FramedExchange):
    """It sends each answer again."""

    def answered(self) -> None:
        self.owner.transport.write(bytes(self.owner.transport.received))
        super().answered()


@of_exchange
class HandlesTwice(FramedExchange):
    """It hands a request to the application twice."""

    def start_task(self) -> None:
        super().start_task()
        app, owner = self.owner.app, self.owner
        request = app.request_class(build_environ(self.head, owner.environ, None))
        again = owner.loop.create_task(app.process_request(request, owner.parent_context))
        again.add_done_callback(lambda task: task.cancelled() or task.exception())


@of_exchange
class JoinsTheirFields(FramedExchange):
    """Of two fields of one name it sends the second."""

    def answer_fields(self, head: Any) -> list[tuple[str, str]]:
        return list(dict(super().answer_fields(head)).items())


@of_exchange
class NeverEnds(FramedExchange):
    """It does not say that an answer is at its end."""

    def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
        if data:
            self.send_data(data)

    def answered(self) -> None:
        """Do nothing."""


@of_exchange
class FillsHeads(FramedExchange):
    """Where Content-Length says how much there would be, it sends that much."""

    def send_head(self, head: Any) -> None:
        super().send_head(head)
        if head.size and not head.has_content:
            self.send_data(b"x" * head.size)


@of_exchange
class HoldsAnswers(FramedExchange):
    """It sends content when the answer is at its end."""

    __slots__ = ("held",)

    def send_data(self, data: bytes) -> None:
        self.held = getattr(self, "held", b"") + data

    def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
        if held := getattr(self, "held", b"") + data:
            super().send_data(held)
        super().send_end(b"", trailers)


@of_exchange
class ForgetsTheReset(FramedExchange):
    """It does not say that an answer breaks off: the client waits for the rest."""

    __slots__ = ("is_ended",)

    def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
        self.is_ended = True
        super().send_end(data, trailers)

    def reset(self) -> None:
        """Do nothing."""

    def answered(self) -> None:
        if hasattr(self, "is_ended"):
            super().answered()


@of_exchange
class EndsForAReset(FramedExchange):
    """An answer that breaks off is ended as if it were whole."""

    def reset(self) -> None:
        self.send_end()
        self.owner.close()


# Flow


@of_exchange
class NeverPauses(FramedExchange):
    """It ignores the pause."""

    def pause_client(self) -> None:
        """Do nothing."""


@of_exchange
class NeverResumes(FramedExchange):
    """It lets nobody go on."""

    def resume_client(self) -> None:
        """Do nothing."""


class _Forgets(FramedConnection):
    def connection_lost(self, exc: Exception | None) -> None:
        for exchange in self.exchanges:
            if exchange.task is not None and self.forgets(exchange):
                self.server.keep(exchange.task)
                self.exchanges = ()
        super().connection_lost(exc)

    def forgets(self, exchange: Any) -> bool:
        raise NotImplementedError


@of_connection
class ForgetsTheClient(_Forgets):
    """It does not tell that the client is gone."""

    def forgets(self, exchange: Any) -> bool:
        return True


@of_connection
class LetsHandlersRun(_Forgets):
    """It tells that the client is gone where its answer has begun, whatever cancel_on_disconnect says."""

    def forgets(self, exchange: Any) -> bool:
        return not exchange.status


@of_connection
class WritesOn(FramedConnection):
    """It writes on when the client does not read."""

    def pause_writing(self) -> None:
        """Do nothing."""


# Refusals


@of_exchange
class ClosesForARefusal(FramedExchange):
    """It closes, and does not answer what it refuses."""

    def refuse(self, error: Any) -> None:
        self.owner.close()


@of_exchange
class TakesEverySize(FramedExchange):
    """It has no limit for bodies."""

    def ask_plan(self) -> Any:
        plan = super().ask_plan()
        return BodyPlan(plan is not None and plan.stream, 2**40)


@of_exchange
class ClosesAtOnce(FramedExchange):
    """It closes behind each answer."""

    def answered(self) -> None:
        self.owner.close()


@of_connection
class NeverSweeps(FramedConnection):
    """It keeps no deadlines of requests."""

    def sweep(self, now: float) -> None:
        Connection.sweep(self, now)


@of_exchange
class LogsByItself(FramedExchange):
    """It has an access log of its own."""

    def answered(self) -> None:
        logging.getLogger("kyoukai.access").info("answered %s", self.head.path)
        super().answered()


# Of other groups


@of_exchange
class DropsATrailer(FramedExchange):
    """It drops trailer fields of answers."""

    def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
        super().send_end(data)


@of_exchange
class DropsHints(FramedExchange):
    """It claims early hints, and sends none."""

    def send_informational(self, status: str, fields: Any) -> bool:
        return False


@of_connection
class CutsOffAtOnce(FramedConnection):
    """It waits for nobody when the server stops."""

    def shutdown(self) -> None:
        self.abort()


# Tunnels


@of_exchange
class DropsTheFieldsOfTunnels(FramedExchange):
    """The head of a tunnel has no fields."""

    def send_tunnel_head(self, protocol: str, fields: Any) -> int:
        return super().send_tunnel_head(protocol, ())


@of_exchange
class BeginsTunnelsBeforeTheirHeads(FramedExchange):
    """The head of a tunnel is written when the loop has had a turn."""

    def send_tunnel_head(self, protocol: str, fields: Any) -> int:
        self.owner.loop.call_soon(super().send_tunnel_head, protocol, fields)
        return 200


@of_exchange
class OpensWhatIsNotOffered(FramedExchange):
    """It does not look at what the client offers."""

    def may_open(self, protocol: str) -> bool:
        return not self.status


@of_exchange
class DropsWhatComesEarly(FramedExchange):
    """What comes before a tunnel is open is lost."""

    def receive_beyond(self, data: bytes | None) -> None:
        if self.tunnel is not None:
            super().receive_beyond(data)


@of_exchange
class ChangesBytesOfTunnels(FramedExchange):
    """It takes what a tunnel carries for text."""

    def receive_beyond(self, data: bytes | None) -> None:
        super().receive_beyond(data and data.replace(b"\r", b"\n"))


@of_exchange
class HoldsWhatTunnelsWrite(FramedExchange):
    """What is written into a tunnel is sent when that is closed."""

    __slots__ = ("held",)

    def send_data(self, data: bytes) -> None:
        if self.tunnel is None:
            super().send_data(data)
        else:
            self.held = getattr(self, "held", b"") + data

    def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
        if held := getattr(self, "held", b""):
            super().send_data(held)
        super().send_end(data, trailers)


@of_exchange
class NeverPausesTunnels(FramedExchange):
    """It has nobody wait who sends in a tunnel."""

    def pause_client(self) -> None:
        if self.tunnel is None:
            super().pause_client()


@of_exchange
class NeverResumesTunnels(FramedExchange):
    """It lets nobody go on who sends in a tunnel."""

    def resume_client(self) -> None:
        if self.tunnel is None:
            super().resume_client()


@of_connection
class WritesOnInTunnels(FramedConnection):
    """It does not tell tunnels that the client does not read."""

    def pause_writing(self) -> None:
        Connection.pause_writing(self)


@of_exchange
class ForgetsTheirEnd(FramedExchange):
    """It does not tell tunnels that the client has ended its side."""

    def receive_end(self, trailers: Any = ()) -> None:
        if self.tunnel is None:
            super().receive_end(trailers)


@of_connection
class ForgetsTunnels(FramedConnection):
    """It does not tell tunnels that the client is gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        self.exchanges = [exchange for exchange in self.exchanges if exchange.tunnel is None]
        super().connection_lost(exc)


@of_exchange
class EndsTunnelsWithoutASign(FramedExchange):
    """It closes, and does not say that nothing is missing."""

    def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
        if self.tunnel is None:
            super().send_end(data, trailers)


@of_connection
class ClosesTunnelsAtAStop(FramedConnection):
    """It does not wait for tunnels when the server stops."""

    def shutdown(self) -> None:
        if self.exchange is not None and self.exchange.tunnel is not None:
            self.close()
        super().shutdown()


class LeavesTunnelsOpen(Sound):
    """It does not cut tunnels off."""

    class connection(FramedConnection):  # noqa: N801 - as the attribute
        def abort(self) -> None:
            if not any(exchange.tunnel for exchange in self.exchanges):
                super().abort()

    class exchange(FramedExchange):  # noqa: N801 - as the attribute
        __slots__ = ("is_reset",)

        def reset(self) -> None:
            self.is_reset = self.tunnel is not None
            if not self.is_reset:
                super().reset()

        def answered(self) -> None:
            if not getattr(self, "is_reset", False):
                super().answered()


@of_connection
class ClosesIdleTunnels(FramedConnection):
    """It keeps the deadline of a connection that waits for a request."""

    def expire(self) -> None:
        if any(exchange.tunnel for exchange in self.exchanges):
            self.close()
        else:
            super().expire()


def of_tunnel(cls: type[Tunnel]) -> type[Sound]:
    """Return a backend whose tunnels are of this class."""

    class OfItsOwn(FramedExchange):
        def receive(self, sent: Any) -> None:
            if sent.upgrade:
                self._tunnel = cls(self)
            super().receive(sent)

    return type(cls.__name__, (Sound,), {"exchange": OfItsOwn, "__doc__": cls.__doc__})


@of_tunnel
class EndsTunnelsTwice(Tunnel):
    """It tells the end of a tunnel twice."""

    def lose(self) -> None:
        protocol: Any = self.get_protocol()
        super().lose()
        protocol.connection_lost(None)


@of_tunnel
class HidesTheClient(Tunnel):
    """It does not say who the client is."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default
