"""What matching is told by its environment."""

from pydantic import Field

from wire.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See `wire.settings` for the variables that all services share."""

    sweep_seconds: float = Field(default=0.5, gt=0)
    """How often deadlines that have passed are looked for in the database, should a timer not have come."""
    location_seconds: float = Field(default=1, ge=0)
    """At most one position a driver in this time is used over HTTP (C3, A13)."""
