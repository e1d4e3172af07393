"""Being on a job: to the pickup, to the destination, a status at each turn."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from city.clock import now
from city.demand import Spot
from city.edge import Answer, UnreachableError

if TYPE_CHECKING:
    from city.driver import Driver

STEPS = ("en_route", "arrived", "in_progress", "completed")
RANK = {status: rank for rank, status in enumerate(("accepted", *STEPS))}
OVER = {"cancelled", "completed"}
PATIENCE = 40.0  # seconds in which the house must accept a legal step
STEP_RETRY = 0.3
POSITION_EVERY = 1.0  # seconds: faster ones are dropped (C3)
STANDING = 0.2


@dataclass(frozen=True)
class Route:
    """Where the job begins and ends; unknown ends are None."""

    pickup: Spot | None
    dropoff: Spot | None

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Route":
        """From an offer, a broadcast job or a booking: `pickup`, or `lat`/`lng` of the job itself."""
        return cls(_spot(data.get("pickup")) or _spot(data), _spot(data.get("dropoff")))


def _spot(place: Any) -> Spot | None:
    if isinstance(place, dict) and isinstance(place.get("lat"), int | float):
        return Spot(float(place["lat"]), float(place["lng"]))
    return None


async def drive(driver: "Driver", job_id: str, route: Route, done: int = 0) -> None:
    """Do the job that the driver has begun, from its step number `done` on, until completed or lost."""
    habits = driver.city.habits
    legs = (
        (route.pickup, driver.city.pick(habits.to_pickup)),
        (None, STANDING),
        (route.dropoff, driver.city.pick(habits.to_dropoff)),
        (None, 0.0),
    )
    try:
        for status, (towards, seconds) in tuple(zip(STEPS, legs, strict=True))[done:]:
            if driver.released.is_set() or not await _reach(driver, job_id, status):
                driver.city.ledger.count["jobs_lost"] += 1
                return
            await _move(driver, towards, seconds)
    finally:
        driver.job = None
        driver.released.clear()


async def resume(driver: "Driver", job_id: str) -> None:
    """Take up a job that the house says we are on, where it stands."""
    answer = Answer(0, {})
    with suppress(UnreachableError):
        answer = await driver.city.edge.get(f"/v1/bookings/{job_id}", driver.token)
    driver.city.ledger.count["jobs_resumed"] += 1
    await drive(driver, job_id, Route.of(answer.body), RANK.get(str(answer.body.get("status")), 0))


async def _reach(driver: "Driver", job_id: str, status: str) -> bool:
    """Report a step; False if the job is ours no more.

    Right after the accept the bookings may not know us yet: a refusal is followed by a look at the job.
    """
    until, seen = now() + PATIENCE, driver.city.ledger.job(job_id)
    if status == "completed":
        seen.completing_at = seen.completing_at or now()
    while now() < until and not driver.released.is_set():
        ack = await driver.phone.ask("booking:update_status", {"bookingId": job_id, "status": status})
        if ack is not None and ack.ok:
            return True
        with suppress(UnreachableError):
            answer = await driver.city.edge.get(f"/v1/bookings/{job_id}", driver.token)
            stands = str(answer.body.get("status"))
            if answer.ok and RANK.get(stands, -1) >= RANK[status]:
                return True
            if stands in OVER:
                return False
        await asyncio.sleep(STEP_RETRY)
    return False


async def _move(driver: "Driver", towards: Spot | None, seconds: float) -> None:
    """Go there in a straight line, telling the place on the way; stops when released."""
    start, target = driver.spot, towards or driver.spot
    parts = max(1, int(seconds / POSITION_EVERY)) if towards else 1
    for part in range(1, parts + 1):
        with suppress(TimeoutError):
            await asyncio.wait_for(driver.released.wait(), seconds / parts)
            return
        share = part / parts
        driver.spot = Spot(
            start.lat + (target.lat - start.lat) * share, start.lng + (target.lng - start.lng) * share
        )
        if towards:
            await driver.tell_place()
