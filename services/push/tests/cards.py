"""Bookings with a Live Activity: what booking would answer and say, and what a phone would show."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from apns_standin import Push
from contracts.events import JobCancelled, JobStatusChanged, JobTracked
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus, Role
from contracts.requests import BookingView, ViewBooking
from contracts.subjects import live_track
from wire.problem import not_found

World = Any
DAN = DriverCard(id="dan", name="Dan", vehicle_type="van")


class Bookings:
    """What booking knows. `meanwhile` happens once, between its next look at a booking and its answer."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, Job] = {}
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def view(self, asked: ViewBooking) -> BookingView:
        job, identity = self.jobs.get(asked.booking_id), asked.identity
        people = (job.customer_id, job.driver and job.driver.id) if job else ()
        if job is None or (identity.role is not Role.admin and identity.subject not in people):
            raise not_found("booking")
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            await happens()
        return BookingView(job=job)

    def add(self, status: str = "pending", customer: str = "ann", **changes: Any) -> Job:
        """A booking that is there already."""
        now = datetime.now(UTC)
        job = Job(
            id=new_id(),
            number="WG-000001",
            customer_id=customer,
            service_type="courier",
            status=JobStatus(status),
            version=1,
            total_price=45,
            driver=None if status in ("pending", "unfulfilled") else DAN,
            created_at=now,
            updated_at=now,
        )
        return self.keep(job.model_copy(update=changes))

    def keep(self, job: Job) -> Job:
        self.jobs[job.id] = job
        return job

    def step(self, job: Job, status: str, **changes: Any) -> JobStatusChanged | JobCancelled:
        """The booking's next state, and the event that tells of it."""
        latest = self.jobs[job.id]
        driver = None if status in ("pending", "unfulfilled") else DAN
        new: dict[str, Any] = {"status": JobStatus(status), "version": latest.version + 1, "driver": driver}
        after = self.keep(latest.model_copy(update={**new, "updated_at": datetime.now(UTC), **changes}))
        addressed: dict[str, Any] = {"job_id": after.id, "customer_id": after.customer_id, "job": after}
        if status == "cancelled":
            return JobCancelled(**addressed, cancelled_by="user")
        return JobStatusChanged(**addressed, previous=latest.status)


async def ask(
    world: World, job: Job | UUID, token: str, sub: str = "ann", role: str = "user", **body: Any
) -> Any:
    """The answer to a registration."""
    booking_id = str(job if isinstance(job, UUID) else job.id)
    path, headers = f"/v1/devices/live-activities/{token}", world.auth(sub, role)
    return await world.http.put(path, json={"booking_id": booking_id} | body, headers=headers)


async def register(world: World, job: Job, token: str | None = None, sub: str = "ann", **body: Any) -> str:
    """A card of this booking, whose present state the phone has; its token."""
    token = token or new_id().hex * 5
    seen = len(world.apns.pushes(token))
    answer = await ask(world, job, token, sub, **body)
    assert answer.status_code == 200, answer.text
    await shown(world, token, count=seen + 1)
    return token


async def drive(world: World, job: Job, lat: float, at: datetime) -> None:
    """The driver of this booking was there at this time."""
    here = JobTracked(job_id=job.id, driver_id="dan", lat=lat, lng=-74, heading=90, recorded_at=at)
    await world.nc.publish(live_track(job.id), here.model_dump_json().encode())
    await world.nc.flush()


async def drive_until_shown(world: World, job: Job, token: str, lat: float) -> Push:
    """One position, said again until it is on the card: nothing tells when push begins to listen for it."""
    pushes, at = world.apns.pushes(token), datetime.now(UTC)
    seq = pushes[-1].seq if pushes else 0
    async with asyncio.timeout(60):
        while True:
            await drive(world, job, lat, at)
            found: list[Push] = await world.apns.received.wait_after(seq, token, wait_s=0.2)
            for push in found:
                if content(push).get("driverLat") == lat:
                    return push
                seq = push.seq


async def shown(world: World, token: str, count: int) -> list[Push]:
    """The first `count` pushes for this card, as soon as they have come."""
    pushes: list[Push] = world.apns.pushes(token)
    while len(pushes) < count:
        last = pushes[-1].seq if pushes else 0
        await world.apns.next_push(token, after=last, timeout_s=60)
        pushes = world.apns.pushes(token)
    return pushes[:count]


async def until(world: World, token: str, status: str) -> Push:
    """The first push with this status, as soon as it has come."""
    seq = 0
    while True:
        push: Push = await world.apns.next_push(token, after=seq, timeout_s=60)
        if content(push)["status"] == status:
            return push
        seq = push.seq


def aps(push: Push) -> dict[str, Any]:
    assert push.payload is not None
    inner: dict[str, Any] = push.payload["aps"]
    return inner


def content(push: Push) -> dict[str, Any]:
    state: dict[str, Any] = aps(push)["content-state"]
    return state


def stamps(pushes: list[Push]) -> list[int]:
    return [aps(push)["timestamp"] for push in pushes]


async def rows(world: World, **where: Any) -> list[Any]:
    condition = " AND ".join(f"{name} = :{name}" for name in where) or "true"
    query = text(f"SELECT * FROM live_activity WHERE {condition} ORDER BY registered_at")
    async with world.engine.connect() as connection:
        return list((await connection.execute(query, where)).all())


async def let_move(world: World, token: str) -> None:
    """As if the card's last position were long ago."""
    await change_row(world, token, "positions_from = registered_at")


async def change_row(world: World, token: str, assignment: str) -> None:
    async with world.engine.begin() as connection:
        statement = f"UPDATE live_activity SET {assignment} WHERE token = :token"
        await connection.execute(text(statement), {"token": token})


async def eventually(world: World, token: str, is_so: Callable[[Any], bool]) -> Any:
    """The card's row, once it is so. Nothing announces that but the row, or that there is none (None)."""
    async with asyncio.timeout(60):
        while True:
            row = next(iter(await rows(world, token=token)), None)
            if is_so(row):
                return row
            await asyncio.sleep(0.02)


async def sent(world: World, token: str) -> Any:
    """The row, once what was urgent of it is written back."""
    return await eventually(world, token, lambda row: row and not row.urgent)


async def gone(world: World, token: str) -> None:
    """Once the card is forgotten."""
    await eventually(world, token, lambda row: row is None)
