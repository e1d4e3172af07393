"""A customer: one phone, orders by HTTP, and what its socket says of each of them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from city.city import City
from city.phone import Phone

FAILED = {"booking:no_pilots", "booking:search_timeout"}


@dataclass
class Order:
    """A booking as its customer knows it. `news` is set whenever that changed."""

    status: str = "pending"
    failed: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        return self.status in {"completed", "cancelled"}


class Customer:
    """Keeps the state of its orders up to date from the socket."""

    def __init__(self, customer_id: str, token: str, city: City) -> None:
        self.id, self.token, self.city = customer_id, token, city
        self.phone = Phone(
            city.edge.url,
            token,
            city.edge.session,
            self._heard,
            self._restored,
            returned=city.returned,
        )
        self._orders: dict[str, Order] = {}

    def order(self, job_id: str) -> Order:
        """The order; events may come before the answer to the POST."""
        return self._orders.setdefault(job_id, Order())

    def forget(self, job_id: str) -> None:
        self._orders.pop(job_id, None)

    def hurry(self) -> None:
        """Wake every order, so that it sees that time is up."""
        for order in self._orders.values():
            order.news.set()

    def stands(self, job_id: str, status: str) -> None:
        """The booking has this status, as it was told or asked."""
        order = self.order(job_id)
        if status != order.status:
            order.status = self.city.ledger.job(job_id).status = status
        order.failed = status == "unfulfilled" or (order.failed and status == "pending")
        order.news.set()

    async def _restored(self) -> None:
        """Rooms come back by themselves (C7); whatever was missed, each order asks when it hears nothing."""

    def _heard(self, event: str, data: Any) -> None:
        if not isinstance(data, dict):
            return
        job_id = str(data.get("bookingId") or data.get("job_id") or "")
        match event:
            case "location:update":
                self.city.ledger.count["location_updates"] += 1
            case "booking:status":
                self.city.ledger.step(job_id, self.id, str(data.get("status")), self.phone.connections)
                self.stands(job_id, str(data.get("status")))
            case "booking:driver_assigned":
                self.city.ledger.customer_told(job_id, str(data.get("pilot", {}).get("id")))
            case "job:driver-assigned":
                self.city.ledger.told(job_id, event, str(data.get("driver", {}).get("id")))
            case "booking:snapshot":
                self._see_all(data.get("bookings"))
            case _ if event in FAILED:
                self.city.ledger.count[event] += 1
                order = self.order(job_id)
                order.failed = order.status in {"pending", "unfulfilled"}
                order.news.set()

    def _see_all(self, bookings: Any) -> None:
        for booking in bookings if isinstance(bookings, list) else ():
            job_id = str(booking.get("id") or booking.get("bookingId"))
            if job_id in self._orders:
                self.stands(job_id, str(booking.get("status")))
