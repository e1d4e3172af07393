"""Founding the city: service types set, drivers registered and approved, a phone in every pocket."""

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from city.city import COURIER, EXPRESS, HAUL, City
from city.customer import Customer
from city.demand import Spot
from city.driver import Driver
from stack.tokens import Role, mint

TOKEN_LIFE = 7 * 86_400.0  # seconds: an endless run must not lose its tokens
AT_ONCE = 16
TRUCKS = 8  # every eighth driver has one
PLATFORMS = ("ios", "android")
CONFLICT = 409
DRIVER_APP, CUSTOMER_APP = "app.waggle.driver", "app.waggle.customer"

SERVICE_TYPES: dict[str, dict[str, Any]] = {
    COURIER: {"steps": [{"policy": "cascade", "offer_seconds": 3}], "search_seconds": 15},
    HAUL: {"steps": [{"policy": "broadcast"}], "search_seconds": 15},
    EXPRESS: {
        "steps": [
            {"policy": "cascade", "offer_seconds": 2, "tries": 2},
            {"policy": "group", "offer_seconds": 2, "at_once": 3},
            {"policy": "broadcast", "radii_m": [3_000]},
        ],
        "search_seconds": 15,
    },
}
"""Ten times as fast as the defaults of the requirements (B4, B9), distances as they are."""


class SetupError(Exception):
    """The house refused what the city needs; the message is its answer."""


class People(NamedTuple):
    drivers: list[Driver]
    customers: list[Customer]


class Registry:
    """Signs tokens, and enters everybody by the API as an admin would."""

    def __init__(self, city: City, jwt_key: str, run: str) -> None:
        self.city, self._key, self._run = city, jwt_key, run
        self.admin = self.token(f"{run}-admin", "admin")
        self._turn = asyncio.Semaphore(AT_ONCE)

    def token(self, sub: str, role: Role, name: str | None = None) -> str:
        return mint(sub, role, key=self._key, ttl=TOKEN_LIFE, name=name)

    async def found(self, spots: list[Spot], customers: int) -> People:
        """Service types, then a driver at each spot and the customers. SetupError if something is refused."""
        for name, rules in SERVICE_TYPES.items():
            await self._must("PUT", f"/v1/service-types/{name}", self.admin, rules)
        people = People(
            [self._driver(number, spot) for number, spot in enumerate(spots, start=1)],
            [self._customer(number) for number in range(1, customers + 1)],
        )
        works: list[Coroutine[Any, Any, None]] = []
        works += [self._enlist(number, driver) for number, driver in enumerate(people.drivers, start=1)]
        works += [
            self._device(number, customer.token, CUSTOMER_APP)
            for number, customer in enumerate(people.customers, start=1)
        ]
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(self._in_turn(work))
        return people

    def _driver(self, number: int, spot: Spot) -> Driver:
        driver_id = f"{self._run}-driver-{number}"
        return Driver(driver_id, self.token(driver_id, "pilot", _driver_name(number)), spot, self.city)

    def _customer(self, number: int) -> Customer:
        customer_id = f"{self._run}-customer-{number}"
        return Customer(customer_id, self.token(customer_id, "user", f"Customer {number}"), self.city)

    async def _enlist(self, number: int, driver: Driver) -> None:
        truck = number % TRUCKS == 0
        card = {
            "id": driver.id,
            "name": _driver_name(number),
            "phone": f"+1 555 {number:04d}",
            "vehicle_type": "truck" if truck else "car",
            "truck_type": "pickup" if truck else None,
            "approved": False,
            "rating": round(self.city.rng.uniform(4.2, 5.0), 1),
        }
        await self._must("POST", "/v1/drivers", self.admin, card)
        await self._must("POST", f"/v1/drivers/{driver.id}/approve", self.admin)
        await self._device(number, driver.token, DRIVER_APP)

    async def _device(self, number: int, token: str, app: str) -> None:
        platform = platform_of(number)
        device_token = self.city.rng.randbytes(32).hex()
        device = {
            "token": device_token if platform == "ios" else f"{device_token[:22]}:APA91b{device_token}",
            "platform": platform,
            "app": app,
            "environment": "production",
        }
        await self._must("POST", "/v1/devices", token, device)

    async def _must(self, method: str, path: str, token: str, body: dict[str, Any] | None = None) -> None:
        answer = await self.city.edge.call(method, path, token, body)
        known = (
            path == "/v1/drivers" and answer.status == CONFLICT
        )  # a repeated request whose answer was lost
        if not answer.ok and not known:
            raise SetupError(f"{method} {path} was answered {answer.status} {answer.code}: {answer.body}")

    async def _in_turn(self, work: Coroutine[Any, Any, None]) -> None:
        async with self._turn:
            await work


def platform_of(number: int) -> str:
    """Every other person's phone is an Android one, and every other truck driver's."""
    return PLATFORMS[(number + number // TRUCKS) % len(PLATFORMS)]


def _driver_name(number: int) -> str:
    return f"Driver {number}"
