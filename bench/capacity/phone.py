"""A light client of Socket.IO 5 over one WebSocket: no reconnecting, no polling, little of the machine."""

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import aiohttp

ACK_S = 30.0
OPEN, CLOSE, PING, PONG, CONNECT, EVENT, ACK = "0", "1", "2", "3", "40", "42", "43"
"""Packets of Engine.IO 4, and with it of Socket.IO 5, by their first characters."""

Heard = Callable[[str, Any], None]


class LostError(Exception):
    """The server refused the socket, or hung up."""


class Phone:
    """An app, on one connection. `heard(event, payload)` is called for each event."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse, heard: Heard) -> None:
        self._line, self._heard = line, heard
        self._numbers = itertools.count()
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self.reading = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, http: aiohttp.ClientSession, url: str, token: str, heard: Heard) -> "Phone":
        """LostError if it is refused."""
        line = await http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", max_msg_size=0)
        opened = await line.receive_str()
        await line.send_str(CONNECT + json.dumps({"token": token}))
        answer = await line.receive_str()
        if not (opened.startswith(OPEN) and answer.startswith(CONNECT)):
            await line.close()
            raise LostError(answer)
        return cls(line, heard)

    async def tell(self, event: str, payload: Any) -> None:
        await self._line.send_str(EVENT + json.dumps([event, payload]))

    async def ask(self, event: str, payload: Any) -> dict[str, Any]:
        """What the ack says. LostError if the line ends, TimeoutError after 30 s."""
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._line.send_str(f"{EVENT}{number}" + json.dumps([event, payload]))
            found: dict[str, Any] = await asyncio.wait_for(answer, ACK_S)
            return found
        finally:
            del self._asked[number]

    async def close(self) -> None:
        self.reading.cancel()
        await self._line.close()

    async def _read(self) -> None:
        async for message in self._line:
            packet = str(message.data)
            if packet == PING:
                await self._line.send_str(PONG)
            elif packet.startswith(EVENT):
                event, *payload = json.loads(packet[len(EVENT) :])
                self._heard(event, payload[0] if payload else None)
            elif packet.startswith(ACK):
                self._answered(packet[len(ACK) :])
        for answer in self._asked.values():
            answer.set_exception(LostError())

    def _answered(self, packet: str) -> None:
        number, _, rest = packet.partition("[")
        answer = self._asked.get(int(number))
        if answer is not None and not answer.done():
            (ack,) = json.loads("[" + rest)
            answer.set_result(ack)
