"""How long drivers take to a pickup: by the straight line, or by a routing engine that speaks OSRM."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Literal, Protocol

import httpx
import structlog
from pydantic import BaseModel, Field, ValidationError

from contracts.models import Job
from matching.policies.candidates import straight_eta_s
from matching.settings import Settings
from matching.supply import Supply

log = structlog.get_logger()

MOST = 50
"""Drivers a routing engine is asked about at a time, the nearest of them; the others by the straight line."""


class Eta(Protocol):
    """Travel times."""

    async def seconds(self, supply: Supply, job: Job, distances_m: Mapping[str, float]) -> dict[str, float]:
        """Estimated seconds to the job's pickup of each of these drivers, nearest first."""


class StraightLine:
    """Haversine, a detour factor, an average speed. Asks nobody."""

    async def seconds(self, _supply: Supply, _job: Job, distances_m: Mapping[str, float]) -> dict[str, float]:
        """See `Eta`."""
        return {driver: straight_eta_s(distance) for driver, distance in distances_m.items()}


Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Table(BaseModel):
    """OSRM's answer; a pair that no road joins is null."""

    code: Literal["Ok"]
    durations: list[Annotated[list[Seconds | None], Field(min_length=1, max_length=1)]]


class Osrm:
    """OSRM's `table` service. Late, wrong or away, the straight line stands in: a job is never delayed by
    more than the client's timeout.

    It is asked while the search's row is held. That delays nobody: a search that looks for a driver has no
    live offer that could be answered meanwhile.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def seconds(self, supply: Supply, job: Job, distances_m: Mapping[str, float]) -> dict[str, float]:
        """See `Eta`."""
        straight = await StraightLine().seconds(supply, job, distances_m)
        asked = {driver: place for driver in list(distances_m)[:MOST] if (place := supply.position(driver))}
        if job.pickup is None or not asked:
            return straight
        points = [(job.pickup.lat, job.pickup.lng), *asked.values()]
        path = ";".join(f"{lng:.6f},{lat:.6f}" for lat, lng in points)
        sources = ";".join(str(place) for place in range(1, len(points)))
        try:
            answer = await self._client.get(
                f"/table/v1/driving/{path}", params={"destinations": "0", "sources": sources}
            )
            answer.raise_for_status()
            table = _Table.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            log.warning("eta.straight_line", error=repr(error))
            return straight
        known = {
            driver: row[0] for driver, row in zip(asked, table.durations, strict=False) if row[0] is not None
        }
        return straight | known


@asynccontextmanager
async def travel_times(settings: Settings) -> AsyncIterator[Eta]:
    """As the settings have it."""
    if settings.osrm_url is None:
        yield StraightLine()
        return
    async with httpx.AsyncClient(base_url=str(settings.osrm_url), timeout=settings.osrm_seconds) as client:
        yield Osrm(client)
