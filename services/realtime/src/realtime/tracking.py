"""Positions of drivers: throttled, put on the map, and into the room and the history of their job (C3)."""

from dataclasses import dataclass
from datetime import UTC, datetime

import h3

from contracts.events import DriverLocated, JobTracked
from contracts.subjects import live_track, recorded_track
from realtime.edge import Edge
from realtime.limits import monotonic

INTERVAL = 1.0
"""Seconds between two positions of one driver that are used. A driver on two edges at once may have two."""
REGION = 4
"""H3 resolution of the regions that positions are addressed to, as matching listens to them: 1,770 km²."""


@dataclass(frozen=True)
class Position:
    """Degrees (WGS 84), degrees from north, metres a second."""

    lat: float
    lng: float
    heading: float | None
    speed: float | None


def region(position: Position) -> str:
    """The H3 cell, as text, under which a position is published."""
    return str(h3.latlng_to_cell(position.lat, position.lng, REGION))


async def publish(edge: Edge, driver_id: str, position: Position) -> bool:
    """Send it on, waiting for nobody. False: too soon after the last one, and dropped.

    The history's copy goes to a JetStream subject without waiting for the acknowledgement: a position lost
    with the server is followed by the next one a second later.
    """
    driver, now = edge.drivers.get(driver_id), monotonic()
    if driver is None or now - driver.located_at < INTERVAL:
        return False
    driver.located_at = now
    where = {
        "driver_id": driver_id,
        "lat": position.lat,
        "lng": position.lng,
        "heading": position.heading,
        "speed": position.speed,
        "recorded_at": datetime.now(UTC),
    }
    located = DriverLocated.model_validate(where)
    await edge.nc.publish(located.subject(region(position)), located.model_dump_json().encode())
    if job_id := driver.active_job:
        body = JobTracked.model_validate({**where, "job_id": job_id}).model_dump_json().encode()
        await edge.nc.publish(live_track(job_id), body)
        await edge.nc.publish(recorded_track(job_id), body)
    return True
