"""Commands, most of them a driver's, as HTTP and the bus give them: their transactions, and what follows."""

from datetime import UTC, datetime
from uuid import UUID

from nats.aio.client import Client

from contracts.events import DriverLocated
from contracts.models import Job
from contracts.requests import GoOnline
from matching import decisions, drivers, leases, service_types, store, usecases
from matching.asking import Reach
from matching.availability import Patience
from matching.geo import haversine_m
from matching.regions import region_of
from matching.store import DriverRow, SearchRow
from wire.problem import ProblemError
from wire.sql import Database

OPEN_BROADCASTS = 200
"""Open broadcast jobs looked at for a feed or a newcomer."""


async def accept(database: Database, driver_id: str, job_id: UUID) -> None:
    """See `usecases.accept`."""
    async with database.transaction() as tx:
        await usecases.accept(tx, driver_id, job_id)


async def decline(database: Database, reach: Reach, driver_id: str, job_id: UUID) -> None:
    """See `usecases.decline`."""
    async with database.transaction() as tx:
        await usecases.decline(tx, reach, driver_id, job_id)


async def end_search(database: Database, job: Job) -> None:
    """See `usecases.job_cancelled`. Unlike the event this is not delivered again, so a search that was begun
    at the same moment is looked for here."""
    try:
        async with database.transaction() as tx:
            await usecases.job_cancelled(tx, job)
    except ProblemError as refusal:
        if refusal.problem.code != "conflict":
            raise
        async with database.transaction() as tx:
            await usecases.job_cancelled(tx, job)


async def go_online(
    database: Database, reach: Reach, nc: Client, wish: GoOnline, patience: Patience
) -> DriverRow:
    """Online; then every open broadcast in reach is put before the driver (A9).

    Dying in between costs pop-ups only: the feed shows the jobs all the same.
    """
    async with database.transaction() as tx:
        row = await drivers.go_online(tx, wish, patience)
    # Here at once: a job that comes before the status is back from the bus is not to miss the driver.
    gate = decisions.gate_of(row)
    reach.supply.mark(row.id, gate=gate, vehicle_type=row.vehicle_type, version=row.version)
    if wish.lat is not None and wish.lng is not None:
        there = DriverLocated(driver_id=row.id, lat=wish.lat, lng=wish.lng, recorded_at=datetime.now(UTC))
        reach.supply.move(there.driver_id, there.lat, there.lng, there.recorded_at)
        await locate(nc, there)
        await meet(database, reach, region_of(there.lat, there.lng))
    if row.active_job is None:
        for search in await open_in_reach(database, reach, row):
            async with database.transaction() as tx:
                await usecases.offer_to_newcomer(tx, search.id, row.id)
    return row


async def meet(database: Database, reach: Reach, region: str) -> None:
    """Somebody shall have the map of this region before its first job comes, whatever its service type."""
    if region not in reach.share.known:
        async with database.transaction() as tx:
            rules = [service_types.rules_from(row.rules) for row in await service_types.every_one(tx.session)]
            radius_m = max((one.reach_m for one in rules), default=0)
            await leases.meet(tx, reach.share, region, radius_m)


async def locate(nc: Client, there: DriverLocated) -> None:
    """Put a driver on every replica's map (C3)."""
    await nc.publish(there.subject(region_of(there.lat, there.lng)), there.model_dump_json().encode())


async def go_offline(database: Database, reach: Reach, driver_id: str) -> DriverRow:
    """Offline; the offers it held are withdrawn and their searches go on.

    Two transactions, for a search is always locked before a driver. What a death in between leaves behind,
    `contact` finds.
    """
    async with database.transaction() as tx:
        row = await drivers.go_offline(tx, driver_id)
    await settle(database, reach, driver_id)
    return row


async def suspend(database: Database, reach: Reach, driver_id: str) -> DriverRow:
    """By an admin: takes no further job; as above."""
    async with database.transaction() as tx:
        row = await drivers.set_approved(tx, driver_id, approved=False)
    await settle(database, reach, driver_id)
    return row


async def settle(database: Database, reach: Reach, driver_id: str) -> None:
    """What follows when a driver is offline or suspended: it holds no offers."""
    async with database.transaction() as tx:
        await usecases.settle(tx, reach, driver_id, "driver_offline")


async def open_in_reach(database: Database, reach: Reach, driver: DriverRow) -> list[SearchRow]:
    """Open broadcast jobs that this driver may take, nearest first; those without a place last (A9)."""
    if not driver.approved or driver.is_operator:
        return []
    async with database.transaction() as tx:
        rows = await store.open_broadcasts(tx.session, OPEN_BROADCASTS)
    seen = (await reach.whereabouts.likely([driver.id])).get(driver.id)
    place = (seen.lat, seen.lng) if seen else None
    near = [(distance, row) for row in rows if (distance := _reach(row, driver, place)) is not None]
    return [row for _, row in sorted(near, key=lambda pair: (pair[0], str(pair[1].id)))]


def _reach(row: SearchRow, driver: DriverRow, place: tuple[float, float] | None) -> float | None:
    """Metres to the pickup; infinite when the job has none; None when out of reach or the wrong vehicle."""
    wanted, pickup = row.job.get("vehicle_type"), row.job.get("pickup")  # our own dump of a Job
    if wanted and wanted != driver.vehicle_type:
        return None
    if pickup is None:
        return float("inf")
    if place is None:
        return None
    distance = haversine_m(*place, pickup["lat"], pickup["lng"])
    return distance if distance <= max(service_types.rules_from(row.rules).steps[row.rung].radii_m) else None
