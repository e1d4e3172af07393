"""What booking is told by its environment."""

from pydantic import Field

from wire.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See `wire.settings` for the variables that all services share."""

    service_types: frozenset[str] = frozenset({"courier", "haul"})
    """Service types that can be ordered even while matching, which knows them all, is away."""
    track_days: float = Field(default=30, gt=0, le=3650)
    """How long the positions of a job's driver are kept (C11)."""
