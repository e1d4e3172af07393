"""What replicas of matching tell each other (core NATS). Whatever of it is lost is found in the database."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from contracts.models import Latitude, Longitude, Model


class LookWanted(Model):
    """The replica that owns the region is to look for drivers for this search."""

    search_id: UUID

    @staticmethod
    def subject(cell: str) -> str:
        """`cell` is the region's."""
        return f"matching.look.{cell}"


class RegionsChanged(Model):
    """A replica of matching has come or goes, or has met a region that is new: the others look again."""

    subject: ClassVar[str] = "matching.regions.changed"

    replica_id: str


class MapWanted(Model):
    """Who is in this box (degrees; over the antimeridian if west > east)? Each replica answers for its own
    regions, and says nothing if there are none.

    More than `limit` are counted by H3 cell of this resolution. Who was not heard `since` is left out.
    """

    subject: ClassVar[str] = "matching.map"

    replica_id: str
    west: Longitude
    south: Latitude
    east: Longitude
    north: Latitude
    resolution: int
    limit: int
    since: AwareDatetime


class MappedDriver(Model):
    """A driver on an admin's map. Degrees (WGS 84), heading from north; `at`: when it was there.

    `offered`: a job is before this driver alone.
    """

    id: str
    lat: float
    lng: float
    heading: float | None = None
    state: Literal["idle", "offered", "busy"]
    vehicle_type: str | None = None
    at: AwareDatetime


class CrowdedCell(Model):
    """How many drivers there are in an H3 cell, as far as it lies in the box; its centre in degrees."""

    cell: str
    lat: float
    lng: float
    idle: int
    busy: int


class MapPart(Model):
    """Who is in these regions of the answering replica: `drivers`, or if they are too many, `cells`."""

    regions: frozenset[str]
    drivers: list[MappedDriver]
    cells: list[CrowdedCell]
    total: int
