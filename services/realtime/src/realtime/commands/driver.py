"""What a driver says: availability, position, answers to offers, steps of its job."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from contracts.models import JobStatus, Latitude, Longitude
from contracts.requests import AcceptJob, AdvanceBooking, DeclineJob, DriverView, GoOffline, GoOnline
from realtime import rooms
from realtime.commands.payload import BookingRef, Nothing, Payload
from realtime.edge import Edge, Session
from realtime.tracking import Position, publish
from realtime.words import booking_details
from wire.rpc import request


def _unless_unknown(value: float) -> float | None:
    return None if value < 0 else value


class Online(Payload):
    """C2. The position, in degrees, may be left out."""

    vehicle_id: str | None = Field(default=None, alias="vehicleId", max_length=100)
    lat: Latitude | None = None
    lng: Longitude | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.lat is None) != (self.lng is None):
            raise PydanticCustomError("half_a_position", "lat and lng go together")
        return self


class Location(Payload):
    """C3. Degrees; heading in degrees from north; speed in metres a second. iOS sends -1 for unknown."""

    lat: Latitude
    lng: Longitude
    heading: Annotated[float, Field(ge=-1, le=360), AfterValidator(_unless_unknown)] | None = None
    speed: Annotated[float, Field(ge=-1, le=500), AfterValidator(_unless_unknown)] | None = None


class Step(BookingRef):
    """C12"""

    status: Annotated[JobStatus, Field(strict=False)]


async def online(edge: Edge, session: Session, said: Online) -> dict[str, Any]:
    """C2: can be offered jobs from now on."""
    question = GoOnline(
        driver_id=session.identity.subject,
        vehicle_id=said.vehicle_id,
        lat=said.lat,
        lng=said.lng,
        edge_id=edge.id,
    )
    view = await request(edge.nc, question)
    for socket in _learn(edge, session, view):
        await edge.members.enter(socket, rooms.ONLINE_DRIVERS)
    return _availability(view)


async def offline(edge: Edge, session: Session, _said: Nothing) -> dict[str, Any]:
    """C2: cannot be offered jobs from now on."""
    view = await request(edge.nc, GoOffline(driver_id=session.identity.subject))
    for socket in _learn(edge, session, view):
        await edge.members.leave(socket, rooms.ONLINE_DRIVERS.name)
    return _availability(view)


def _learn(edge: Edge, session: Session, view: DriverView) -> set[str]:
    """All the driver's sockets here."""
    if driver := edge.drivers.get(session.identity.subject):
        driver.learn(view)
        driver.hear()
    return edge.members.inside([rooms.personal(session.identity).name])


def _availability(view: DriverView) -> dict[str, Any]:
    return {"state": view.state, "approved": view.approved}


async def location(edge: Edge, session: Session, said: Location) -> dict[str, Any]:
    """C3: at most one a second a driver is used."""
    position = Position(said.lat, said.lng, said.heading, said.speed)
    used = publish(edge, session.identity.subject, position)
    return {} if used else {"dropped": True}


async def accept(edge: Edge, session: Session, said: BookingRef) -> dict[str, Any]:
    """A5, B7"""
    question = AcceptJob(driver_id=session.identity.subject, job_id=said.booking_id)
    taken = await request(edge.nc, question)
    if driver := edge.drivers.get(session.identity.subject):
        driver.begin(taken.job_id)  # its next position is the job's, even before the event is here
    return {"bookingId": str(taken.job_id), "status": taken.status}


async def decline(edge: Edge, session: Session, said: BookingRef) -> dict[str, Any]:
    """B5"""
    question = DeclineJob(driver_id=session.identity.subject, job_id=said.booking_id)
    declined = await request(edge.nc, question)
    return {"bookingId": str(declined.job_id)}


async def advance(edge: Edge, session: Session, said: Step) -> dict[str, Any]:
    """C12"""
    question = AdvanceBooking(identity=session.identity, booking_id=said.booking_id, status=said.status)
    view = await request(edge.nc, question)
    return {"booking": booking_details(view.job)}
