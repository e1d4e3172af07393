"""What booking is told by its environment."""

from wire.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See `wire.settings` for the variables that all services share."""

    service_types: frozenset[str] = frozenset({"courier", "haul"})
    """Service types that can be ordered even while matching, which knows them all, is away."""
