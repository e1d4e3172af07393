"""One client, whatever carries its packets: its CONNECT, its events, its heartbeat, its end."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from sio import packets
from sio.callbacks import HangUpError, RefusedError
from sio.line import Line
from sio.packets import ROOT, BadPacketError, Close, Connect, Disconnect, Event
from sio.socket import Socket

if TYPE_CHECKING:
    from sio.server import Server


class Transport(Protocol):
    """What carries packets of one client. It calls a connection's `receive`, `slow`, `drained` and `lost`."""

    @property
    def send(self) -> Callable[[bytes], None]:
        """For one packet. Nothing happens if the client is gone."""

    def pending(self) -> int:
        """Bytes that wait to be sent."""

    def pause(self) -> None:
        """Read nothing more of the client for now."""

    def resume(self) -> None:
        """Read again."""

    def finish(self) -> None:
        """End after what was sent has arrived. Then it is `lost`."""

    def abort(self) -> None:
        """End now. Then it is `lost`."""


class Connection:
    """An Engine.IO session, with the socket of the default namespace that came through it, if any."""

    __slots__ = (
        "_last_word", "_server", "_settled", "address", "id", "line", "lost_for", "over", "socket",
        "transport",
    )  # fmt: skip

    def __init__(self, server: "Server", name: str, address: str, transport: Transport) -> None:
        self._server, self.id, self.address, self.transport = server, name, address, transport
        self.line = Line(self._handle, transport, server.limits.frames_per_second)
        self.socket: Socket | None = None
        self.over: str | None = None
        """Why no more is taken from the client."""
        self.lost_for: str | None = None
        """Why its transport has ended."""
        self._last_word: bytes | None = None
        self._settled: Callable[[], None] | None = None

    # What transports say.

    def receive(self, packet: bytes) -> None:
        """What the client has sent."""
        if self.over is not None:
            self.line.count()
            if packet == packets.CLOSE:
                self.transport.abort()
            return
        if packet == packets.PONG:
            self._server.answered(self)  # however long the line is; it also takes its place there
        self.line.put(packet)

    def slow(self) -> None:
        """More than `slow_bytes` wait to be sent."""
        if self.socket is not None:
            self.socket.slow()

    def drained(self) -> None:
        """Little waits to be sent any more."""
        if self.socket is not None:
            self.socket.drained()

    def lost(self, reason: str = "client") -> None:
        """The transport is gone; `reason` unless it was ended from here.

        Events that had come are still handled if it was the client who left.
        """
        if self.lost_for is not None:
            return
        if self.over is None:
            self.over = reason
        self.lost_for = self.over
        self._server.forget(self)
        if self.socket is not None:
            self._server.rooms.leave_all(self.socket)
            if self.socket.welcomed:
                self.socket.stop()
        if self.over == "client":
            self.line.hurry()
        else:
            self.line.clear()
        self._when_idle()

    def upgrade(self, transport: Transport) -> None:
        """From now on `transport` carries packets, those first that the old one has not sent."""
        self.transport = transport
        self.line.read_from(transport)
        if self.socket is not None:
            self.socket.move(transport)
        if transport.pending() <= self._server.limits.slow_bytes:
            self.drained()

    def call_when_settled(self, settled: Callable[[], None]) -> None:
        """Call back, once, when all that was received is handled, a disconnect too."""
        self._settled = settled
        self._when_idle()

    # What the server and the application want.

    def end(self, reason: str) -> None:
        """Now, without a word. What still waits in line is forgotten."""
        if self.lost_for is None:
            self.over = self.over or reason
            self.line.clear()
            self.transport.abort()

    def finish(self, reason: str, last_word: bytes | None = None) -> None:
        """After what is being handled, its answer and `last_word`; `finish_seconds` at most."""
        if self.over is None:
            self.over, self._last_word = reason, last_word
            self.line.clear()
            self._server.ending.add(self, self._server.now())
            self._when_idle()

    # What the client says, one packet after the other.

    def _handle(self, packet: bytes) -> None:
        if self.socket is not None and self.socket.welcomed and self._handle_typed(self.socket, packet):
            return
        try:
            said = packets.read(packet)
        except BadPacketError:
            self.end("bad_packet")
            return
        if isinstance(said, Event):
            self._on_event(said)
        elif isinstance(said, Connect):
            self._on_connect(said)
        elif isinstance(said, Disconnect) and said.namespace == ROOT:
            self.finish("client")
        elif isinstance(said, Close):
            self.end("client")

    def _handle_typed(self, socket: Socket, packet: bytes) -> bool:
        """Whether it was an event that could be decoded into its type."""
        found = packets.outline(packet)
        typed = self._server.typed.get(found.name) if found is not None else None
        if found is None or typed is None:
            return False
        decode, do = typed
        try:
            argument = decode(found.arguments)
        except packets.UNDECODABLE:
            return False
        answer = do(socket.id, argument)
        if found.ack:
            socket.answer(packets.ack(found.ack, answer))
        return True

    def _on_event(self, said: Event) -> None:
        if said.namespace == ROOT and self.socket is not None and self.socket.welcomed:
            self._start(self._answer(self.socket, said))

    async def _answer(self, socket: Socket, said: Event) -> None:
        answer = await self._server.callbacks.event(socket.id, said.name, said.arguments)
        if said.ack:
            socket.answer(packets.ack(said.ack, answer))

    def _on_connect(self, said: Connect) -> None:
        if said.namespace != ROOT:
            self._refuse(packets.connect_error(said.namespace, "Invalid namespace"))
        elif self.socket is not None:
            self.end("bad_packet")
        else:
            limits = self._server.limits
            self.socket = Socket(self._server.new_id(), self.transport, limits.send_buffer_bytes, self)
            self._server.rooms.sockets[self.socket.id] = self.socket
            self._start(self._let_in(self.socket, said.auth))

    async def _let_in(self, socket: Socket, auth: Any) -> None:
        try:
            pid = await self._server.callbacks.connect(socket.id, auth, self.address)
        except RefusedError as refusal:
            self._turn_away(socket)
            self._refuse(packets.connect_error(ROOT, refusal.message, refusal.data))
        except HangUpError:
            self._turn_away(socket)
            self.finish("hung_up")
        except Exception:
            self._turn_away(socket)
            self.finish("failed")
            raise
        else:
            if self.lost_for is None:
                self._server.connecting.remove(self)
                socket.welcome(pid)
            else:
                socket.stop()  # it left meanwhile; `disconnect` will say so

    def _turn_away(self, socket: Socket) -> None:
        self.socket = None
        self._server.rooms.leave_all(socket)
        socket.stop()

    def _refuse(self, packet: bytes) -> None:
        """There may be no socket that looks how much it has to take."""
        self.transport.send(packet)
        if self.transport.pending() > self._server.limits.send_buffer_bytes:
            self.end("slow")

    # One thing after the other.

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        self.line.busy = True
        self._server.start(work, self._done)

    def _done(self) -> None:
        self.line.busy = False
        self.line.go_on()
        self._when_idle()

    def _when_idle(self) -> None:
        """Whatever was put off until all else is done."""
        if not self.line.idle:
            return
        if self.lost_for is not None:
            self._part()
        elif self.over is not None:
            if self._last_word is not None:
                self.transport.send(self._last_word)
                self._last_word = None
            self.transport.finish()
        if self._settled is not None and self.line.idle:
            settled, self._settled = self._settled, None
            settled()

    def _part(self) -> None:
        socket, self.socket = self.socket, None
        if socket is not None and socket.welcomed:
            self._start(self._say_goodbye(socket))

    async def _say_goodbye(self, socket: Socket) -> None:
        await self._server.callbacks.disconnect(socket.id)
