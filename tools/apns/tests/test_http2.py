"""What the libraries of the other tests never do: frames by hand, by a sender that behaves badly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import httpx
import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, Event, ResponseReceived, StreamEnded
from h2.settings import SettingCodes

from apns_standin import Script, Standin

Send = Callable[..., Coroutine[None, None, httpx.Response]]


class Wire:
    """A bare HTTP/2 sender."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection()
        self.events: list[Event] = []

    def flush(self) -> None:
        self.writer.write(self.h2.data_to_send())

    def ask(self, stream_id: int, path: str) -> None:
        headers = [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "apns")]
        self.h2.send_headers(stream_id, headers, end_stream=True)
        self.flush()

    def copy(self, stream_id: int, good: httpx.Request) -> None:
        pseudo = [(":method", "POST"), (":scheme", "https"), (":path", good.url.path), (":authority", "apns")]
        names = ("authorization", "apns-topic", "apns-push-type")
        self.h2.send_headers(stream_id, pseudo + [(name, good.headers[name]) for name in names])
        self.h2.send_data(stream_id, good.content, end_stream=True)
        self.flush()

    async def until(self, kind: type[Event]) -> list[Event]:
        """All events so far, once there is one of this kind."""
        async with asyncio.timeout(60):
            while not any(isinstance(event, kind) for event in self.events):
                received = await self.reader.read(65536)
                assert received, "the connection has ended"
                self.events += self.h2.receive_data(received)
                self.flush()
        return self.events


@pytest.fixture
async def wire(apns: Standin) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection(apns.host, apns.port, ssl=apns.client_context())
    wire = Wire(reader, writer)
    wire.h2.initiate_connection()
    wire.flush()
    yield wire
    writer.transport.abort()


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(e) for e in events if isinstance(e, ResponseReceived | DataReceived | StreamEnded)]


async def test_a_refusal_is_one_frame_of_headers_and_one_of_data(wire: Wire) -> None:
    wire.ask(1, "/nowhere")
    events = await wire.until(StreamEnded)
    assert kinds(events) == [ResponseReceived, DataReceived, StreamEnded]
    assert [event.data for event in events if isinstance(event, DataReceived)] == [b'{"reason":"BadPath"}']


async def test_an_acceptance_is_one_frame_of_headers(wire: Wire, send: Send) -> None:
    wire.copy(1, (await send()).request)
    assert kinds(await wire.until(StreamEnded)) == [ResponseReceived, StreamEnded]


async def test_a_reason_waits_until_the_sender_opens_its_window(wire: Wire) -> None:
    wire.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 5})
    wire.ask(1, "/nowhere")
    assert kinds(await wire.until(ResponseReceived)) == [ResponseReceived]
    wire.h2.increment_flow_control_window(100, 1)
    wire.flush()
    assert kinds(await wire.until(StreamEnded)) == [ResponseReceived, DataReceived, StreamEnded]


def pushes_in_hand() -> int:
    return sum("apns_handler" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_a_push_that_is_taken_back_hangs_no_longer(wire: Wire, apns: Standin, send: Send) -> None:
    good = (await send()).request
    apns.script("*", Script(hang_s=60))
    wire.copy(1, good)
    await apns.next_push(after=1)
    assert pushes_in_hand() == 1
    wire.h2.reset_stream(1)
    wire.ask(3, "/nowhere")
    await wire.until(StreamEnded)
    assert pushes_in_hand() == 0


async def test_a_forbidden_frame_ends_the_connection_and_no_other(wire: Wire, send: Send) -> None:
    data_for_stream_0 = bytes(9)
    wire.writer.write(data_for_stream_0)
    async with asyncio.timeout(60):
        while await wire.reader.read(65536):
            pass
    assert (await send()).status_code == 200


async def test_two_megabytes_are_read_and_refused(send: Send) -> None:
    answer = await send(content=b"x" * 2_000_000)
    assert (answer.status_code, answer.json()) == (413, {"reason": "PayloadTooLarge"})


async def test_what_fails_while_handling_a_push_cuts_its_connection(
    apns: Standin, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "_exception_handler", lambda _loop, context: errors.append(context))
    monkeypatch.setattr(apns.received, "add", None)
    wire.ask(1, "/nowhere")
    with pytest.raises(AssertionError, match="the connection has ended"):
        await wire.until(StreamEnded)
    assert isinstance(errors[0]["exception"], TypeError)
