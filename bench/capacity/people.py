"""Drivers and customers of the load: registered, with a phone that gets pushes, and on a socket."""

import asyncio
from dataclasses import dataclass
from typing import Any

from bench.capacity.phone import Phone
from bench.capacity.world import IDLE_S, RETRY_S, TRIES, World
from stack.plan import CUSTOMER_TOPIC, DRIVER_TOPIC

STEPS = ("en_route", "arrived", "in_progress", "completed")
RIDING = "in_progress"
"""The status in which a job can be held."""

AGAIN = {"unavailable", "internal", "bad_reply", "ERR_RATE", "illegal_step", "forbidden", "not_found"}
"""The last three: right after the accept booking may not have heard of it yet."""


@dataclass(frozen=True)
class Customer:
    """A connected one."""

    token: str
    phone: Phone

    @classmethod
    async def connected(cls, world: World, number: int) -> "Customer":
        token = world.token(f"customer-{number}", "user")
        await world.device(token, CUSTOMER_TOPIC)
        phone = await Phone.connect(world.http, world.urls["realtime"], token, world.heard)
        return cls(token, phone)

    async def order(self, world: World) -> None:
        """And follow it: who was connected before is told of the driver's positions only then (C6)."""
        pickup = {"address": "5th Ave", **world.place()}
        body = {"service_type": "courier", "pickup": pickup, "total_price": 12.5}
        booking = await world.post("booking", "/v1/bookings", self.token, body)
        world.count("orders")
        await self.phone.ask("booking:subscribe", {"bookingId": booking["id"]})


class Driver:
    """Says where it is, takes each offer, and does the job."""

    def __init__(self, world: World) -> None:
        self._world, self._place, self._riding = world, world.place(), False
        self._phone: Phone
        self._speaking: asyncio.Task[None]

    @classmethod
    async def online(cls, world: World, number: int, admin: str) -> "Driver":
        """Registered, approved, connected, on the map."""
        name = f"driver-{number}"
        driver, token = cls(world), world.token(name, "pilot")
        await world.post("matching", "/v1/drivers", admin, {"id": name, "name": name, "approved": True})
        await world.device(token, DRIVER_TOPIC)
        driver._phone = await Phone.connect(world.http, world.urls["realtime"], token, driver._heard)
        await driver._must("pilot:online", driver._place)
        driver._speaking = world.begin(driver._say_where())
        return driver

    def _heard(self, event: str, payload: Any) -> None:
        self._world.heard(event, payload)
        if event == "booking:offer":
            self._world.begin(self._take(payload["bookingId"]))

    async def _must(self, event: str, payload: Any) -> None:
        if not (ack := await self._ask(event, payload))["ok"]:
            raise RuntimeError(f"{event}: {ack['error']['code']}")

    async def _ask(self, event: str, payload: Any) -> dict[str, Any]:
        """The ack. Asked again for a while where that may help, as apps do: nothing here does harm twice."""
        for _ in range(TRIES):
            ack = await self._phone.ask(event, payload)
            if ack["ok"] or ack["error"]["code"] not in AGAIN:
                break
            self._world.counts["asked again"] += 1
            await asyncio.sleep(RETRY_S)
        return ack

    async def _say_where(self) -> None:
        """From a random moment on, so that not all speak at once."""
        pause = self._world.numbers.random() * self._pause()
        while True:
            await asyncio.sleep(pause)
            self._place = self._world.moved(self._place)
            await self._phone.tell("pilot:location", self._place)
            self._world.counts["positions"] += 1
            pause = self._pause()

    def _pause(self) -> float:
        return self._world.ride_s if self._riding else IDLE_S

    def _ride(self, riding: bool) -> None:
        self._riding = riding
        self._speaking.cancel()
        self._speaking = self._world.begin(self._say_where())

    async def _take(self, job: str) -> None:
        ack = await self._ask("offer:accept", {"bookingId": job})
        if ack["ok"]:
            await self._drive(job)
        else:  # too late: the next driver is asked
            self._world.count("accept refused")

    async def _drive(self, job: str) -> None:
        self._ride(True)
        for status in STEPS:
            await asyncio.sleep(self._world.step_s)
            await self._must("booking:update_status", {"bookingId": job, "status": status})
            if status == RIDING:
                self._world.count("riding")
                await self._world.go_on.wait()
        self._ride(False)
        self._world.count("completed")
