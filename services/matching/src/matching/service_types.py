"""How jobs of each service type are dispatched: kept in the database, edited by admins (B14)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from matching.states import Mode, Rules


class ServiceTypeRow(SQLModel, table=True):
    """How jobs of this name are dispatched (B14)."""

    __tablename__ = "service_type"
    name: str = Field(primary_key=True)
    rules: dict[str, Any] = Field(sa_type=JSON)


def rules_from(kept: dict[str, Any]) -> Rules:
    """Rules as they are kept: durations in seconds, distances in metres."""
    offer_s, search_s = kept["offer_seconds"], kept["search_seconds"]
    return Rules(
        mode=Mode(kept["mode"]),
        offer_life=timedelta(seconds=offer_s) if offer_s else None,
        search_life=timedelta(seconds=search_s) if search_s else None,
        max_tries=kept["max_tries"],
        radii_m=tuple(kept["radii_m"]),
        stale_after=timedelta(seconds=kept["stale_seconds"]),
    )


def rules_to(rules: Rules) -> dict[str, Any]:
    """The inverse of `rules_from`."""
    return {
        "mode": rules.mode.value,
        "offer_seconds": rules.offer_life.total_seconds() if rules.offer_life else None,
        "search_seconds": rules.search_life.total_seconds() if rules.search_life else None,
        "max_tries": rules.max_tries,
        "radii_m": list(rules.radii_m),
        "stale_seconds": rules.stale_after.total_seconds(),
    }


async def rules_of(session: AsyncSession, service_type: str) -> dict[str, Any] | None:
    """The kept rules of a service type."""
    row = await session.get(ServiceTypeRow, service_type)
    return row.rules if row else None


async def every_one(session: AsyncSession) -> list[ServiceTypeRow]:
    """All service types, by name."""
    return list(await session.scalars(select(ServiceTypeRow).order_by(col(ServiceTypeRow.name))))
