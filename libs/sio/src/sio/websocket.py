"""Carried by a WebSocket: one text frame is one packet. picows does the framing."""

from functools import partial
from typing import TYPE_CHECKING

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from sio import packets
from sio.polling import Poll
from sio.server import Server

if TYPE_CHECKING:
    from sio.connection import Connection

TEXT, BINARY, CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CLOSE
PING, PONG = WSMsgType.PING, WSMsgType.PONG


class WebSocket(WSListener):
    """The `Transport` of a session, from the WebSocket's handshake on, or from its upgrade on.

    An upgrade: a session polls; its client opens a WebSocket that names it, and asks there (`2probe`)
    whether it may take over; is told so (`3probe`), and no GET is held any more; and takes over (`5`) when
    it polls no more. Until then nothing is sent here, and the session goes on polling if this ends.
    """

    __slots__ = ("_connection", "_let_in", "_line", "_message", "_probing", "_server", "send")

    def __init__(self, server: Server, address: str, probing: "Connection | None") -> None:
        self._server, self._probing = server, probing
        self._let_in: str | None = address if probing is None else None
        """An address that is let in, and for which there is no connection yet."""
        self._connection: Connection | None = None
        self._message: bytearray | None = None
        """The fragments of a message so far."""

    # The Transport that a connection knows.

    def pending(self) -> int:
        return self._line.underlying_transport.get_write_buffer_size()

    def pause(self) -> None:
        if not self._line.underlying_transport.is_closing():
            self._line.underlying_transport.pause_reading()

    def resume(self) -> None:
        if not self._line.underlying_transport.is_closing():
            self._line.underlying_transport.resume_reading()

    def finish(self) -> None:
        """The client answers the close frame; what is on its way to it would be lost if we just hung up."""
        self._line.send_close(WSCloseCode.OK)
        if self._connection is None or self._connection.line.paused:
            self._line.disconnect()

    def abort(self) -> None:
        """With a word, as long as that does not wait."""
        if not self._line.is_close_frame_sent:
            self._line.send_close(WSCloseCode.POLICY_VIOLATION)
        self._line.disconnect(graceful=self.pending() == 0)

    # What picows says.

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._line = transport
        self.send = partial(transport.send, TEXT)
        slow = self._server.limits.slow_bytes
        transport.underlying_transport.set_write_buffer_limits(high=slow, low=slow // 4)
        if self._let_in is not None:
            self._connection = self._server.open(self, self._let_in, [])
            self._let_in = None
        else:
            self._server.requesting.add(self.give_up, self._server.now())
            self._server.tick()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._end("bad_frame")
        elif kind == TEXT and frame.fin and self._message is None:
            self._receive(frame.get_payload_as_bytes())
        elif kind == CLOSE:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif self._connection is None:
            self._end("bad_frame")
        else:
            self._connection.line.count()
            self._on_rare_frame(transport, frame)

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        self.gone()

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.slow()

    def resume_writing(self) -> None:
        if self._connection is not None:
            self._connection.drained()

    # Our own.

    def gone(self) -> None:
        """It has ended, if it ever was. Called any number of times."""
        connection, self._connection = self._connection, None
        probing, self._probing = self._probing, None
        self._server.requesting.remove(self.give_up)
        if self._let_in is not None:
            self._server.callbacks.closed(self._let_in)
            self._let_in = None
        if connection is not None:
            closing = self._line.close_handshake
            connection.lost("bad_frame" if closing is not None and closing.recv is None else "client")
        elif probing is not None and isinstance(probing.transport, Poll):
            probing.transport.stay()

    def _receive(self, packet: bytes) -> None:
        if self._connection is not None:
            self._connection.receive(packet)
        elif self._probing is not None and isinstance(self._probing.transport, Poll):
            self._probe(self._probing, self._probing.transport, packet)

    def _probe(self, connection: "Connection", poll: Poll, packet: bytes) -> None:
        if packet == packets.PROBE and not poll.upgrading:
            poll.probed()
            self.send(packets.PROBED)
        elif packet == packets.UPGRADED and poll.upgrading and connection.over is None:
            self._server.requesting.remove(self.give_up)
            self._probing, self._connection = None, connection
            poll.hand_over(self.send)
            connection.upgrade(self)
        else:
            self._end("bad_upgrade")

    def _on_rare_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind, payload = frame.msg_type, frame.get_payload_as_bytes()
        if kind == PING:
            transport.send_pong(payload)
            if self.pending() > self._server.limits.send_buffer_bytes:
                self._end("slow")
        elif kind == BINARY:
            self._end("binary")
        elif kind != PONG:
            self._on_fragment(kind == TEXT, payload, bool(frame.fin))

    def _on_fragment(self, first: bool, payload: bytes, last: bool) -> None:
        if first == (self._message is not None):
            self._end("bad_frame")
            return
        message = self._message = self._message or bytearray()
        message += payload
        if len(message) > self._server.limits.message_bytes:
            self._end("too_large")
        elif last:
            self._message = None
            self._receive(bytes(message))

    def _end(self, reason: str) -> None:
        if self._connection is not None:
            self._connection.end(reason)
        else:
            self.give_up()

    def give_up(self) -> None:
        """Of an upgrade. The session goes on polling."""
        self.gone()
        self.abort()
