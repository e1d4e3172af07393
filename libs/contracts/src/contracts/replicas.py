"""What replicas of matching tell each other (core NATS). Whatever of it is lost is found in the database."""

from typing import ClassVar
from uuid import UUID

from contracts.models import Model


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
