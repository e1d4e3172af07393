"""An app as the tests play it: one Socket.IO connection of the official protocol, and HTTP beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import httpx
import socketio

from stack.tokens import Role

PATIENCE_S = 60


class House(Protocol):
    """Whatever runs the services and can say who somebody is; `stack.house.House` is one."""

    @property
    def url(self) -> str: ...

    def service_url(self, name: str) -> str: ...

    def token(self, sub: str, role: Role) -> str: ...


class Phone:
    """Remembers every event in order; `hears` awaits one."""

    def __init__(self, socket: socketio.AsyncClient, http: httpx.AsyncClient) -> None:
        self.socket, self.http = socket, http
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._changed = asyncio.Condition()
        socket.on("*", self._on_event)

    async def _on_event(self, name: str, payload: dict[str, Any]) -> None:
        async with self._changed:
            self.events.append((name, payload))
            self._changed.notify_all()

    def heard(self, name: str) -> list[dict[str, Any]]:
        """Payloads of the events of this name so far."""
        return [payload for event, payload in self.events if event == name]

    async def hears(self, name: str, **fields: Any) -> dict[str, Any]:
        """The first event of this name with these fields, as soon as it is there."""
        return await self.finds(name, lambda payload: fields.items() <= payload.items())

    async def finds(self, name: str, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first event of this name for which this holds, as soon as it is there."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.heard(name) if holds(one)]

        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(found)
        return found()[0]

    async def call(self, event: str, payload: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send an event and give its ack."""
        ack: dict[str, Any] = await self.socket.call(event, payload or {}, timeout=PATIENCE_S)
        return ack


@asynccontextmanager
async def phone(house: House, sub: str, role: Role, *, edge: str | None = None) -> AsyncIterator[Phone]:
    """A connected app, through Caddy, or straight to the edge process of this name."""
    token = house.token(sub, role)
    socket = socketio.AsyncClient(reconnection=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=PATIENCE_S) as http:
        app = Phone(socket, http)
        url = house.service_url(edge) if edge else house.url
        await socket.connect(url, auth={"token": token}, transports=["websocket"], wait_timeout=PATIENCE_S)
        try:
            yield app
        finally:
            await socket.disconnect()


async def approved(house: House, driver_id: str, **profile: Any) -> None:
    """Register an approved driver, as an admin does."""
    body = {"id": driver_id, "name": "Ada", "phone": "+1 555 0100", "approved": True, "rating": 4.9} | profile
    headers = {"Authorization": f"Bearer {house.token('root', 'admin')}"}
    async with httpx.AsyncClient(base_url=house.url, headers=headers, timeout=PATIENCE_S) as http:
        answer = await http.post("/v1/drivers", json=body)
        assert answer.status_code == 201, answer.text
