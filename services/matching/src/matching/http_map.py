"""Matching's route for the admins' map."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, model_validator

from contracts.models import Latitude, Longitude, Role
from matching.boxes import Box
from matching.http import only
from matching.livemap import DriverMap, LiveMap
from wire.http import Caller


class View(BaseModel):
    """What the map shows: degrees (WGS 84). With `west` > `east` it lies over the antimeridian."""

    west: Longitude
    south: Latitude
    east: Longitude
    north: Latitude
    limit: int = Field(default=500, ge=1, le=2_000)

    @model_validator(mode="after")
    def _upright(self) -> Self:
        if self.south > self.north:
            raise ValueError("south must not be north of north")
        return self


def map_routes(livemap: LiveMap) -> APIRouter:
    """Where the drivers are."""
    router = APIRouter(prefix="/v1/drivers", tags=["drivers"])

    @router.get("")
    async def shown(caller: Caller, view: Annotated[View, Query()]) -> DriverMap:
        """The drivers on duty in a box, for a map (D3): approved, and online or on a job. Admins only.

        If more than `limit` are in it, they are counted by H3 cell, in about a thousand cells at most."""
        only(Role.admin, caller)
        return await livemap.show(Box(view.west, view.south, view.east, view.north), view.limit)

    return router
