"""One connection to APNs that is kept open, and survives requests that are given up.

aioapns says what the requests and answers are. What is changed of it here, and why:
- jh2, whose HPACK is native, reads and writes the frames: with h2 a push costs three times as much;
- the host and the provider token are given, and shared, not one token a connection;
- an idle connection is kept for an hour, not for 10 s (Apple: "keep your connections open");
- the headers are the caller's, so that `apns-expiration` is the same time on every attempt;
- a request whose sender stopped waiting frees its stream. In aioapns its late answer, or the end of the
  connection, raises InvalidStateError, and everybody else on the connection waits for ever;
- a connection that is closing takes no new requests, and sends nobody's requests a second time;
- one whose flow control window is full counts as busy; in aioapns the request fails;
- nothing is begun after its deadline, however long it waited for a stream;
- what is received is acknowledged: without that 65,535 bytes of refusals are all that APNs may ever send;
- what is written in one turn of the event loop goes out together, as one TLS record.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from aioapns.common import NotificationResult
from aioapns.connection import APNsTLSClientProtocol
from aioapns.exceptions import ConnectionClosed
from jh2.config import H2Configuration
from jh2.connection import H2Connection
from jh2.errors import ErrorCodes
from jh2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from jh2.exceptions import FlowControlError, H2Error, ProtocolError

from push.notifier import TooLateError

Headers = Sequence[tuple[str, str]]

TRUSTING = H2Configuration(
    validate_outbound_headers=False,  # names are ours; values are ids, a host, topics and checked tokens
    normalize_outbound_headers=False,
    validate_inbound_headers=False,  # for proxies; of an answer we read `:status` and `apns-id`
    normalize_inbound_headers=False,
)
LARGEST_BODY = 4096
"""Bytes that APNs takes as one payload."""


class ApnsConnection(APNsTLSClientProtocol):
    """One HTTP/2 connection to one host. `on_news` is called when it may have room again. `clock`: seconds
    since 1970."""

    INACTIVITY_TIME = 3600

    def __init__(
        self,
        host: str,
        loop: asyncio.AbstractEventLoop,
        on_lost: Callable[["ApnsConnection"], None],
        on_news: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__("", loop)
        self.conn = H2Connection(TRUSTING)
        self.host, self._on_lost, self._on_news, self._clock = host, on_lost, on_news, clock
        self.lost: asyncio.Future[None] = loop.create_future()
        self._heard_at = self._used_at = 0.0
        self._flush_is_due = False

    @property
    def is_busy(self) -> bool:
        """Whether a request would have to wait."""
        if self.transport is None or self.transport.is_closing() or super().is_busy:
            return True
        return bool(self.conn.outbound_flow_control_window < LARGEST_BODY)

    async def post(
        self, token: str, apns_id: str, headers: Headers, body: bytes, deadline: float = math.inf
    ) -> NotificationResult:
        """Send one notification and wait for its answer. ConnectionClosed or an H2Error when none can
        come, TooLateError when it may not be begun any more; may be cancelled."""
        stream = await self.free_channels.acquire()
        if len(body) > self.conn.outbound_flow_control_window:
            self.free_channels.release()
            raise FlowControlError("APNs does not read")
        if self._clock() >= deadline:
            self.free_channels.release()
            raise TooLateError
        asked_at = self.loop.time()
        answer: asyncio.Future[NotificationResult] = self.loop.create_future()
        try:
            self._write(stream, token, [("apns-id", apns_id), *headers], body)
            self.requests[apns_id], self.request_streams[stream] = answer, apns_id
            return await answer
        except (asyncio.CancelledError, H2Error):
            self._give_up(stream, apns_id, asked_at)
            raise

    def _write(self, stream: int, token: str, headers: Headers, body: bytes) -> None:
        path = [(":method", "POST"), (":scheme", "https"), (":path", f"/3/device/{token}")]
        self.conn.send_headers(stream, [*path, (":authority", self.host), *headers])
        self.conn.send_data(stream, body, end_stream=True)
        self.flush()

    def _give_up(self, stream: int, apns_id: str, asked_at: float) -> None:
        self.request_streams.pop(stream, None)
        self.request_statuses.pop(apns_id, None)
        self.requests.pop(apns_id, None)
        if self._heard_at < asked_at and self.transport:
            # Not a word since: the connection may be dead without knowing. The next push opens another.
            self.transport.abort()
            return
        with suppress(ProtocolError):  # it has just been answered: nothing is left to free
            self.conn.reset_stream(stream, ErrorCodes.CANCEL)
            self.free_channels.release()
            self.flush()
            self._on_news()

    def flush(self) -> None:
        """Soon, with all that is written until then."""
        if not self._flush_is_due:
            self._flush_is_due = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_is_due = False
        data = self.conn.data_to_send()
        if data and self.transport and not self.transport.is_closing():
            self.refresh_inactivity_timer()
            self.transport.write(data)

    def refresh_inactivity_timer(self) -> None:
        """One timer that looks at the time of the last write, not a new one for each."""
        self._used_at = self.loop.time()
        if self.inactivity_timer is None:
            self._close_when_idle()

    def _close_when_idle(self) -> None:
        left = self._used_at + self.INACTIVITY_TIME - self.loop.time()
        if left <= 0:
            self.close()
        else:
            self.inactivity_timer = self.loop.call_later(left, self._close_when_idle)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        for event in self.conn.receive_data(data):
            self._on_event(event)
        self.flush()
        self._on_news()

    def _on_event(self, event: Event) -> None:
        match event:
            case ResponseReceived():
                self.on_response_received(dict(event.headers))
            case DataReceived():
                self.conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self.on_data_received(event.data, event.stream_id)
            case StreamEnded():
                self.on_stream_ended(event.stream_id)
            case StreamReset():
                self._on_stream_reset(event.stream_id)
            case RemoteSettingsChanged():
                self.on_remote_settings_changed(event.changed_settings)
            case ConnectionTerminated():
                self.on_connection_terminated(event)
            case _:
                pass  # acknowledgements, windows, pings: jh2 has seen to them

    def on_response_received(self, headers: dict[bytes, bytes]) -> None:
        """The status; with 200 that is all there is."""
        if self._waits(headers.get(b"apns-id", b"").decode()):
            super().on_response_received(headers)

    def on_data_received(self, raw_data: bytes, stream_id: int) -> None:
        """The reason of a refusal."""
        if self._waits(self.request_streams.get(stream_id, "")):
            super().on_data_received(raw_data, stream_id)

    def on_stream_ended(self, stream_id: int) -> None:
        """Answered. aioapns would remember the stream of every push that was taken."""
        self.request_streams.pop(stream_id, None)
        super().on_stream_ended(stream_id)

    def _on_stream_reset(self, stream_id: int) -> None:
        apns_id = self.request_streams.pop(stream_id, "")
        if self._waits(apns_id):
            self.requests.pop(apns_id).set_exception(ConnectionClosed("APNs reset the stream"))
        self.free_channels.release()

    def _waits(self, apns_id: str) -> bool:
        answer = self.requests.get(apns_id)
        return answer is not None and not answer.done()

    def on_connection_terminated(self, event: ConnectionTerminated) -> None:
        """GOAWAY. Closing in order could take 30 s, in which nobody on it would learn to send again."""
        if self.transport:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.requests = {key: answer for key, answer in self.requests.items() if not answer.done()}
        if not self.lost.done():
            self.lost.set_result(None)
        self._on_lost(self)
        super().connection_lost(exc)
