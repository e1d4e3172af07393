"""What matching is told by its environment."""

import socket
from datetime import timedelta

from pydantic import Field, HttpUrl

from matching.availability import Patience
from wire.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See `wire.settings` for the variables that all services share."""

    sweep_seconds: float = Field(default=0.5, gt=0)
    """How often deadlines that have passed are looked for in the database, should a timer not have come."""
    location_seconds: float = Field(default=1, ge=0)
    """At most one position a driver in this time is used over HTTP (C3, A13)."""
    why_not_days: float = Field(default=30, gt=0)
    """How long it can be asked why a driver was not (A12)."""
    osrm_url: HttpUrl | None = None
    """A routing engine that speaks OSRM's `table`, for travel times; none: the straight line."""
    osrm_seconds: float = Field(default=0.3, gt=0, le=5)
    """How long it may take; then the straight line does."""

    grace_seconds: float = Field(default=30, ge=0)
    """How long a driver whose socket dropped stays online without one (C5)."""
    silence_seconds: float = Field(default=60, gt=0)
    """How long a driver may send no position before it is offline (C4)."""
    settle_seconds: float = Field(default=5, ge=0)
    """How long everybody is given to be back on the bus, before an absence from it is believed."""
    watch_seconds: float = Field(default=1, gt=0)
    """How often drivers are looked for whose grace or silence is over, and edges that have died."""

    lease_seconds: float = Field(default=6, gt=0)
    """How long a replica that has died is still believed to live, and its regions are left to it."""
    regions_seconds: float = Field(default=1, gt=0)
    """How often each replica looks who lives and which regions there are; it is mostly told before."""

    @property
    def replica(self) -> str:
        """What the others know this process by. The same when it is started again: what it owned when it was
        killed is its own at once, and waits for no lease to run out."""
        return f"{socket.gethostname()}:{self.http_port}"

    @property
    def lease(self) -> timedelta:
        """How long a replica lives without renewing it."""
        return timedelta(seconds=self.lease_seconds)

    @property
    def patience(self) -> Patience:
        """With drivers of whom nothing is seen or heard."""
        return Patience(timedelta(seconds=self.grace_seconds), timedelta(seconds=self.silence_seconds))
