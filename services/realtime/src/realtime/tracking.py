"""Positions of drivers: throttled, put on the map, and into the room and the history of their job (C3).

The hottest path of the edge. What comes is decoded and checked in one step, what goes out is encoded in one;
their shapes are those of `contracts.events.DriverLocated` and `JobTracked`.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated
from uuid import UUID

import h3
from msgspec import Meta, Struct
from msgspec.json import Decoder, Encoder

from contracts.ids import to_token
from contracts.subjects import live_track, recorded_track
from realtime.drivers import DriverHere
from realtime.edge import Edge
from realtime.limits import monotonic

INTERVAL = 1.0
"""Seconds between two positions of one driver that are used. A driver on two edges at once may have two."""
REGION = 4
"""H3 resolution of the regions that positions are addressed to, as matching listens to them: 1,770 km²."""


class Position(Struct, frozen=True, gc=False):
    """Degrees (WGS 84), degrees from north, metres a second. iOS sends -1 for a heading or speed unknown."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lng: Annotated[float, Meta(ge=-180, le=180)]
    heading: Annotated[float, Meta(ge=-1, le=360)] | None = None
    speed: Annotated[float, Meta(ge=-1, le=500)] | None = None


class _Located(Struct, gc=False):
    driver_id: str
    lat: float
    lng: float
    heading: float | None
    speed: float | None
    recorded_at: datetime


class Track(Struct, gc=False):
    """As `contracts.events.JobTracked`."""

    job_id: UUID
    driver_id: str
    lat: float
    lng: float
    heading: float | None
    speed: float | None
    recorded_at: datetime


_encode = Encoder().encode
decode_track = Decoder(Track).decode
"""msgspec.DecodeError unless it is one."""
_token = lru_cache(100_000)(to_token)


def region(position: Position) -> str:
    """The H3 cell, as text, under which a position is published."""
    return str(h3.latlng_to_cell(position.lat, position.lng, REGION))


def publish(edge: Edge, driver_id: str, position: Position) -> bool:
    """Send it on, waiting for nobody. False: too soon after the last one, and dropped.

    The history's copy goes to a JetStream subject without waiting for the acknowledgement: a position lost
    with the server is followed by the next one a second later.
    """
    driver, now = edge.drivers.get(driver_id), monotonic()
    if driver is None or now - driver.located_at < INTERVAL:
        return False
    driver.located_at = now
    heading, speed = _known(position.heading), _known(position.speed)
    at = datetime.now(UTC)
    body = _encode(_Located(driver_id, position.lat, position.lng, heading, speed, at))
    edge.outflow.put(f"driver.location.{region(position)}.{_token(driver_id)}", body)
    if job_id := driver.active_job:
        track = Track(job_id, driver_id, position.lat, position.lng, heading, speed, at)
        _publish_track(edge, driver, track, now)
    return True


def _publish_track(edge: Edge, driver: DriverHere, track: Track, now: float) -> None:
    body = _encode(track)
    edge.outflow.put(live_track(track.job_id), body)
    if now - driver.recorded_at >= edge.settings.track_seconds:
        driver.recorded_at = now
        edge.outflow.put(recorded_track(track.job_id), body)


def _known(value: float | None) -> float | None:
    return None if value is None or value < 0 else value
